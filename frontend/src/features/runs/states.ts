// What a run's state means to a person, and what may be done about it.

import type { Execution, RunDetail, RunGraph } from "./queries";

type Status = RunDetail["status"];

const ENDED: ReadonlySet<Status> = new Set(["completed", "failed", "cancelled"]);
const WORKING: ReadonlySet<Execution["status"]> = new Set(["starting", "running", "finishing"]);

export const hasEnded = (run: { status: Status }): boolean => ENDED.has(run.status);

/** The attempt in which an agent works now. */
export const activeStep = (run: RunDetail): Execution | undefined =>
  run.executions.findLast((row) => WORKING.has(row.status));

export const openApproval = (run: RunDetail) =>
  hasEnded(run) ? undefined : run.approvals.find((approval) => approval.status === "pending");

/** A step that waits for a person has no state of its own. */
export const shownStatus = (execution: Execution, run: Pick<RunDetail, "status">): string =>
  execution.status === "pending" && run.status === "waiting_human" ? "waiting_human" : execution.status;

export interface Controls {
  steer: boolean;
  pause: boolean;
  resume: boolean;
  stop: boolean;
  restart: boolean;
  fork: boolean;
  remove: boolean;
}

export function controls(run: RunDetail): Controls {
  const ended = hasEnded(run);
  return {
    steer: run.status === "running" && activeStep(run) !== undefined,
    pause: run.status === "running" || run.status === "waiting_human",
    resume: run.status === "paused" || run.status === "pausing",
    stop: !ended && run.status !== "cancelling",
    restart: ended,
    fork: run.executions.some((row) => row.status === "completed" && !row.superseded),
    remove: ended,
  };
}

export interface Failure {
  step: string;
  code: string;
  message: string;
  remedy: string;
}

/** Why a run failed, and what helps: of the run, else of its step. */
export function failure(run: RunDetail): Failure | null {
  if (run.status !== "failed") return null;
  const failed = run.executions.findLast((row) => row.status === "failed" && !row.superseded);
  return {
    step: failed?.step_id ?? "",
    code: run.error_code || failed?.error_code || "",
    message: run.error || failed?.error || "The run failed.",
    remedy: run.remedy || failed?.remedy || "",
  };
}

export interface Standing {
  tone: "quiet" | "warn" | "run";
  title: string;
  text: string;
}

/** Why nothing moves, and what will happen; null while agents work or all is over. */
export function standing(run: RunDetail): Standing | null {
  if (run.status === "pausing") {
    return { tone: "warn", title: "Pausing", text: "The step that runs may end first. Then the run waits." };
  }
  if (run.status === "paused") {
    return { tone: "warn", title: "Paused", text: "Nothing runs and nothing is paid for. Resume when you like." };
  }
  if (run.status === "cancelling") {
    return { tone: "warn", title: "Stopping", text: "The agent has 10 seconds to end; then its box is removed. Its files are kept on the branch." };
  }
  const lost = run.executions.findLast((row) => !row.superseded)?.status === "lost";
  if (lost) {
    return { tone: "warn", title: "A worker was lost", text: "The step is taken up again by another worker, at the latest 30 seconds after the last sign of life." };
  }
  const waiting = run.executions.findLast((row) => (row.status === "pending" || row.status === "queued") && !row.superseded);
  if (waiting?.parked_code) {
    return { tone: "warn", title: `${waiting.step_id} waits: ${waiting.parked_code}`, text: waiting.parked_message ?? "" };
  }
  if (run.status === "pending") {
    return { tone: "quiet", title: "Getting ready", text: "The workspace is being made. The first step follows by itself." };
  }
  if (run.status === "running" && waiting?.status === "queued" && activeStep(run) === undefined) {
    return { tone: "quiet", title: `${waiting.step_id} is queued`, text: `It starts as soon as ${waiting.agent_id} and a worker are free.` };
  }
  return null;
}

/** Attempts of the present generation, as they came. */
export const currentExecutions = (run: RunDetail): Execution[] =>
  run.executions.filter((row) => row.generation === run.generation);

/** Pairs “source target” of steps that the run has gone. */
export function takenRoutes(graph: RunGraph): Set<string> {
  const stepOf = new Map(graph.executions.map((row) => [row.id, row.step_id]));
  return new Set(graph.path.map((move) => `${stepOf.get(move.source)} ${stepOf.get(move.target)}`));
}

export interface StepFacts {
  id: string;
  agent: string;
  status: string;
  visits: number;
  attempts: number;
  seconds: number;
  result: string;
  model: string;
  loop: { done: number; all: number } | null;
}

/** What the graph shows of each step. `now`: milliseconds. */
export function stepFacts(run: RunDetail, graph: RunGraph, now: number): StepFacts[] {
  return graph.nodes.map((node) => {
    const rows = currentExecutions(run).filter((row) => row.step_id === node.step_id && !row.superseded);
    const latest = rows.at(-1);
    const loop = run.loops.filter((entry) => entry.step_id === node.step_id).findLast((entry) =>
      entry.items.some((item) => item.kind === "item"));
    const items = loop?.items.filter((item) => item.kind === "item") ?? [];
    return {
      id: node.step_id,
      agent: latest?.agent_id ?? node.agent_id,
      status: latest ? shownStatus(latest, run) : "idle",
      visits: Math.max(0, ...rows.map((row) => row.visit)),
      attempts: latest?.attempt ?? 0,
      seconds: rows.reduce((sum, row) => sum + executionSeconds(row, now), 0),
      result: latest?.status === "completed" ? latest.result_key ?? "" : "",
      model: latest?.model_used ?? "",
      loop: loop ? { done: items.filter((item) => item.status === "completed").length, all: items.length } : null,
    };
  });
}

/** How long an attempt has worked; `now` in milliseconds. */
export function executionSeconds(row: Pick<Execution, "started_at" | "finished_at">, now: number): number {
  if (!row.started_at) return 0;
  const end = row.finished_at ? Date.parse(row.finished_at) : now;
  return Math.max(0, (end - Date.parse(row.started_at)) / 1000);
}

export interface Then {
  outputs: Record<string, string>;
  /** The last one that was there; empty: none yet. */
  commit: string;
  /** What worked at the time; else what had ended last. */
  step: Execution | undefined;
}

/** What steps had put out by a time (the newest value wins), and what stood there. `at` in milliseconds. */
export function stateAt(run: RunDetail, at: number): Then {
  const time = (moment: string | null): number => (moment ? Date.parse(moment) : Infinity);
  const rows = currentExecutions(run);
  const done = rows
    .filter((row) => row.status === "completed" && time(row.finished_at) <= at)
    .sort((a, b) => time(a.finished_at) - time(b.finished_at));
  return {
    outputs: Object.assign({}, ...done.map((row) => row.outputs)) as Record<string, string>,
    commit: done.findLast((row) => row.commit_hash)?.commit_hash ?? "",
    step: rows.findLast((row) => time(row.started_at) <= at && time(row.finished_at) > at) ?? done.at(-1),
  };
}

export interface Bar {
  key: string;
  execution: Execution;
  /** Share of the whole time, 0 to 100. */
  left: number;
  width: number;
  wait: number;
}

/** Attempts as bars over the time of the run: waiting, then work. `now` in milliseconds. */
export function ganttBars(run: RunDetail, now: number): Bar[] {
  const rows = currentExecutions(run).flatMap((row) => {
    const queued = row.queued_at ?? row.started_at;
    if (!queued) return [];
    const begin = Date.parse(queued);
    const start = row.started_at ? Date.parse(row.started_at) : null;
    const end = row.finished_at ? Date.parse(row.finished_at) : hasEnded(run) ? start ?? begin : now;
    return [{ execution: row, begin, start: start ?? end, end }];
  });
  const from = Math.min(...rows.map((row) => row.begin));
  const whole = Math.max(1, Math.max(...rows.map((row) => row.end)) - from);
  const share = (ms: number): number => Math.max(0, Math.min(100, (ms / whole) * 100));
  return rows.map(({ execution, begin, start, end }) => ({
    key: `${execution.step_id}/${execution.visit}/${execution.attempt}`,
    execution,
    left: share(begin - from),
    wait: share(start - begin),
    width: Math.max(0.4, share(end - start)),
  }));
}
