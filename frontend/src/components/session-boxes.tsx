import { useQuery } from "@tanstack/react-query";

import type { Schemas } from "@/api/client";
import { boxLogQuery, sessionBoxesQuery, type SessionDetail } from "@/api/sessions";
import { bytes, count, duration } from "@/lib/format";

import { Loaded } from "./loaded";
import { LogText } from "./transcript/log-text";
import { EmptyState } from "./ui/empty-state";
import { Facts, Time } from "./ui/facts";
import { Progress } from "./ui/progress";
import { Status } from "./ui/status";

type Box = SessionDetail["containers"][number];

/** States of a box that `Status` has other words for. */
const MARKS: Record<string, string> = { created: "starting", ready: "running", busy: "running", idle: "running", stopping: "cancelling", stopped: "completed", crashed: "failed" };
const ENDED = new Set(["stopped", "crashed", "failed"]);

const isLive = (box: Box): boolean => !ENDED.has(box.status ?? "");

/** The boxes in which a session ran: state, limits and what they take up, how they ended, what they said last. */
export function SessionBoxes({ sessionId, boxes }: { sessionId: string; boxes: SessionDetail["containers"] }) {
  const looked = useQuery({ ...sessionBoxesQuery(sessionId, boxes.some(isLive)), enabled: boxes.length > 0 });
  if (boxes.length === 0) return <EmptyState title="This session had no box of its own." />;
  const found = new Map(looked.data?.items.map((each) => [each.name, each]));
  return (
    <div className="grid gap-6">
      {boxes.map((box) => {
        const live = found.get(box.name);
        return (
          <section key={box.name} aria-label={`Box ${box.name}`} className="grid gap-3">
            <h3 className="flex flex-wrap items-center gap-x-3 gap-y-1 text-sm">
              <Status status={box.oom_killed ? "failed" : MARKS[box.status ?? ""] ?? box.status ?? ""}>{endWord(box)}</Status>
              <span className="min-w-0 font-mono text-code break-all text-muted">{box.name}</span>
            </h3>
            <TakenUp limits={box.limits as Limits | null} stats={isLive(box) ? live?.stats : undefined} />
            <Facts items={[
              ["Runs in", box.backend === "process" ? "a plain process, not isolated" : box.backend],
              ["Image", box.image || "–"],
              ["Made", <Time key="made" at={box.created_at} />],
              ["Ready after", box.ready_at ? duration((Date.parse(box.ready_at) - Date.parse(box.created_at)) / 1000) : "–"],
              ...(isLive(box) ? [["Last sign of life", <Time key="seen" at={live?.last_seen_at} />] as [string, React.ReactNode]]
                : [["Ended", <Time key="ended" at={box.stopped_at} />], ["Exit code", box.exit_code ?? "–"]] as [string, React.ReactNode][]),
            ]} />
            {isLive(box) && live ? <LiveLog id={live.id} name={box.name} /> : box.log_tail ? <LogText text={box.log_tail} label={`Last lines of ${box.name}`} tail /> : null}
          </section>
        );
      })}
    </div>
  );
}

function endWord(box: Box): string {
  if (box.oom_killed) return "Ended: out of memory";
  if (isLive(box)) return "Running";
  if (box.status === "crashed") return "Crashed";
  return box.exit_code ? `Ended with code ${box.exit_code}` : "Ended";
}

interface Limits {
  memory_mb?: number;
  cpus?: number;
  pids?: number;
  disk_mb?: number;
}

const MB = 2 ** 20;

/** Its limits, and of one that runs what it takes up of them. */
function TakenUp({ limits, stats }: { limits: Limits | null; stats: Schemas["Container"]["stats"] | undefined }) {
  if (!limits) return null;
  const rows: [name: string, limit: string, used: string, share: number | null][] = [];
  const { memory_bytes: memory, processes } = stats ?? {};
  if (limits.memory_mb) rows.push(["Memory", bytes(limits.memory_mb * MB), memory === undefined ? "" : bytes(memory), memory === undefined ? null : memory / (limits.memory_mb * MB)]);
  if (limits.pids) rows.push(["Processes", count(limits.pids), processes === undefined ? "" : count(processes), processes === undefined ? null : processes / limits.pids]);
  if (limits.cpus) rows.push(["Processor", `${limits.cpus} ${limits.cpus === 1 ? "core" : "cores"}`, "", null]);
  if (limits.disk_mb) rows.push(["Disk", bytes(limits.disk_mb * MB), "", null]);
  return (
    <dl aria-label="Limits" className="grid grid-cols-2 gap-2">
      {rows.map(([name, limit, used, share]) => (
        <div key={name} className="rounded-card border px-3 py-2">
          <dt className="text-xs text-muted">{name}</dt>
          <dd className="text-sm tabular-nums">
            {used ? <>{used} <span className="text-muted">of {limit}</span></> : <>{limit} <span className="text-muted">at most</span></>}
            {share === null ? null : <Progress value={share * 100} of={100} label={`${name} in use`} className="mt-1.5" />}
          </dd>
        </div>
      ))}
    </dl>
  );
}

function LiveLog({ id, name }: { id: number; name: string }) {
  const log = useQuery(boxLogQuery(id));
  return (
    <Loaded query={log} skeleton={<p className="text-sm text-muted">Its worker is asked for the log…</p>}>
      {({ lines }) => (lines.length > 0 ? <LogText text={lines.map((line) => line.text).join("\n")} label={`Last lines of ${name}`} tail /> : <p className="text-sm text-muted">It has written nothing.</p>)}
    </Loaded>
  );
}
