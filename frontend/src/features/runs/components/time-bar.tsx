import { useQuery } from "@tanstack/react-query";
import { GitFork, History } from "lucide-react";
import { useMemo } from "react";

import { refusal, useMe } from "@/api/me";
import { Loaded } from "@/components/loaded";
import { Value } from "@/components/transcript/row-view";
import { Button } from "@/components/ui/button";
import { clock, count, duration, money } from "@/lib/format";

import { type Density, densityQuery, type RunDetail } from "../queries";
import { controls, stateAt } from "../states";

interface TimeBarProps {
  run: RunDetail;
  at: number | undefined;
  onAt: (event: number | undefined) => void;
  onFork: (step: string, visit: number) => void;
}

/** How much happened when, what it cost by then, and the run as it was at any time of it. */
export function TimeBar({ run, at, onAt, onFork }: TimeBarProps) {
  const density = useQuery(densityQuery(run.id));
  return (
    <section aria-label="Time travel" className="grid gap-2">
      <Loaded query={density}>
        {(found) => found.start === null || found.end === null
          ? <p className="text-sm text-muted">Nothing has happened yet.</p>
          : <Bar run={run} density={found} start={found.start} end={found.end} at={at} onAt={onAt} onFork={onFork} />}
      </Loaded>
    </section>
  );
}

const HEIGHT = 48;

function Bar({ run, density: { parts }, start, end, at, onAt, onFork }: TimeBarProps & { density: Density; start: string; end: string }) {
  const most = Math.max(1, ...parts.map((part) => part.events));
  const spent = parts.at(-1)?.cost ?? 0;
  const place = at === undefined ? parts.length - 1 : parts.findIndex((part) => Number(part.last_event) >= at);
  const shown = place < 0 ? parts.length - 1 : place;
  const part = parts[shown];
  const costs = useMemo(() => parts.map((each, index) => `${index + 0.5},${HEIGHT - 2 - (spent > 0 ? (each.cost / spent) * (HEIGHT - 6) : 0)}`).join(" "), [parts, spent]);
  const until = (index: number): string => parts[index + 1]?.at ?? end;
  const choose = (index: number): void => onAt(index >= parts.length - 1 ? undefined : Number(parts[index]?.last_event) || 1);
  const words = `${clock(until(shown))}, ${money(part?.cost)} spent`;
  return (
    <>
      <div className="relative rounded-control bg-sunken">
        <svg viewBox={`0 0 ${parts.length} ${HEIGHT}`} preserveAspectRatio="none" className="block h-12 w-full" aria-hidden>
          {parts.map((each, index) => each.events > 0 ? (
            <rect key={each.at} x={index + 0.1} width={0.8} height={2 + Math.sqrt(each.events / most) * (HEIGHT - 6)} y={HEIGHT - 2 - Math.sqrt(each.events / most) * (HEIGHT - 6)}
              className={`${each.problems > 0 ? "fill-bad" : "fill-accent"} ${index > shown ? "opacity-25" : "opacity-80"}`} />
          ) : null)}
          {spent > 0 ? <polyline points={costs} className="fill-none stroke-human" strokeWidth={1.5} vectorEffect="non-scaling-stroke" /> : null}
        </svg>
        {at === undefined ? null : <span aria-hidden className="absolute inset-y-0 w-0.5 bg-text" style={{ left: `${((shown + 1) / parts.length) * 100}%` }} />}
      </div>
      <input
        type="range"
        min={0}
        max={parts.length - 1}
        value={shown}
        aria-label="The run as of"
        aria-valuetext={at === undefined ? "now" : words}
        onChange={(event) => choose(Number(event.target.value))}
        className="h-6 w-full accent-accent touch:h-11"
      />
      <p className="flex justify-between text-xs text-muted">
        <time dateTime={start}>{clock(start)}</time>
        <span>{count(parts.reduce((sum, each) => sum + each.events, 0))} events in {duration((Date.parse(end) - Date.parse(start)) / 1000)}{spent > 0 ? <> · <span className="text-human">cost</span></> : null}</span>
        <time dateTime={end}>{clock(end)}</time>
      </p>
      {at === undefined ? <p className="text-sm text-muted">Move the handle to see the run as it was.</p>
        : <Then run={run} at={Date.parse(until(shown))} words={words} onNow={() => onAt(undefined)} onFork={onFork} />}
    </>
  );
}

interface ThenProps {
  run: RunDetail;
  at: number;
  words: string;
  onNow: () => void;
  onFork: (step: string, visit: number) => void;
}

/** What was known then. */
function Then({ run, at, words, onNow, onFork }: ThenProps) {
  const { outputs, commit, step } = stateAt(run, at);
  const closed = refusal(useMe(), "member");
  const entries = Object.entries(outputs).filter(([, value]) => value !== "");
  return (
    <div role="group" aria-label="As it was then" className="grid gap-3 rounded-card border p-3 text-sm">
      <p className="flex items-center gap-2 font-medium"><History aria-hidden className="size-4 text-muted" />As of {words}</p>
      {entries.length > 0 ? (
        <dl className="grid gap-1.5">{entries.map(([name, value]) => <div key={name}><dt className="font-mono text-code text-muted">{name}</dt><dd className="min-w-0"><Value id={`then/${at}/${name}`} text={value} /></dd></div>)}</dl>
      ) : <p className="text-muted">No step had put anything out yet.</p>}
      {commit ? <p className="text-muted">Its files were those of commit <code className="font-mono text-code">{commit.slice(0, 9)}</code>.</p> : null}
      <div className="flex flex-wrap gap-2">
        <Button size="sm" refusal={closed ?? (controls(run).fork && step && !step.superseded ? null : "There is no step to fork from here.")} onClick={() => step && onFork(step.step_id, step.visit)}><GitFork aria-hidden />Fork from here{step ? `: ${step.step_id}` : ""}</Button>
        <Button size="sm" look="quiet" onClick={onNow}>Back to now</Button>
      </div>
    </div>
  );
}
