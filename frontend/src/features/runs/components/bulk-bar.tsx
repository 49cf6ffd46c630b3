import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { refusal, useMe } from "@/api/me";
import { problemOf } from "@/api/problem";
import { Button } from "@/components/ui/button";
import { Confirm } from "@/components/ui/confirm";
import { failed, said } from "@/lib/toast";

import { deleteRun, restartRun, stopRun } from "../mutations";
import { type Run, runKeys } from "../queries";
import { hasEnded } from "../states";

type Verb = "stop" | "restart" | "delete";

interface Bulk {
  verb: Verb;
  runs: Run[];
}

const WORDS: Record<Verb, { action: string; done: string; effect: string }> = {
  stop: { action: "Stop", done: "stopped", effect: "Their agents end, and unfinished files are kept on their branches." },
  restart: { action: "Run again", done: "started again", effect: "Each runs from its first step under the same id, and costs again." },
  delete: { action: "Delete", done: "deleted", effect: "Their records, files and branches on this server go. That cannot be undone. What they cost stays in the books." },
};
const DO: Record<Verb, (id: string) => Promise<unknown>> = { stop: (id) => stopRun(id), restart: (id) => restartRun(id, {}), delete: deleteRun };
const AT_ONCE = 5;

const runsWord = (number: number): string => (number === 1 ? "1 run" : `${number} runs`);

/** What can be done to all chosen runs, with how many it concerns. */
export function BulkBar({ runs, onDone }: { runs: Run[]; onDone: () => void }) {
  const client = useQueryClient();
  const closed = refusal(useMe(), "member");
  const [asked, setAsked] = useState<Bulk | null>(null);
  if (runs.length === 0) return null;
  const ended = runs.filter(hasEnded);
  const active = runs.filter((run) => !hasEnded(run));
  const offers: Bulk[] = [{ verb: "stop", runs: active }, { verb: "restart", runs: ended }, { verb: "delete", runs: ended }];

  const apply = async ({ verb, runs: wanted }: Bulk): Promise<void> => {
    const failures = await eachOf(wanted, DO[verb]);
    await client.invalidateQueries({ queryKey: runKeys.lists() });
    if (wanted.length > failures.length) said(`${runsWord(wanted.length - failures.length)} ${WORDS[verb].done}`);
    if (failures.length > 0) failed(`${runsWord(failures.length)} could not be ${WORDS[verb].done}`, failures[0]);
    onDone();
  };
  return (
    <div role="toolbar" aria-label="Chosen runs" className="mb-2 flex flex-wrap items-center gap-2 rounded-card border bg-surface px-3 py-2 text-sm">
      <span role="status">{runsWord(runs.length)} chosen</span>
      {offers.filter((offer) => offer.runs.length > 0).map((offer) => (
        <Button key={offer.verb} size="sm" refusal={closed} look={offer.verb === "restart" ? "plain" : "bad"} onClick={() => setAsked(offer)}>{WORDS[offer.verb].action} {offer.runs.length}</Button>
      ))}
      <Button size="sm" look="quiet" onClick={onDone}>Clear</Button>
      {asked ? (
        <Confirm open onOpenChange={() => setAsked(null)} title={`${WORDS[asked.verb].action} ${runsWord(asked.runs.length)}?`} action={`${WORDS[asked.verb].action} ${runsWord(asked.runs.length)}`} look={asked.verb === "restart" ? "primary" : "bad"} onConfirm={() => apply(asked)}>
          <p>{WORDS[asked.verb].effect}{asked.runs.length < runs.length ? ` The other ${runs.length - asked.runs.length} are left as they are: their state does not allow it.` : ""}</p>
        </Confirm>
      ) : null}
    </div>
  );
}

/** A few at a time; answers what went wrong. */
async function eachOf(runs: readonly Run[], work: (id: string) => Promise<unknown>): Promise<Error[]> {
  const failures: Error[] = [];
  for (let at = 0; at < runs.length; at += AT_ONCE) {
    const results = await Promise.allSettled(runs.slice(at, at + AT_ONCE).map((run) => work(run.id)));
    for (const result of results) if (result.status === "rejected") failures.push(problemOf(result.reason));
  }
  return failures;
}
