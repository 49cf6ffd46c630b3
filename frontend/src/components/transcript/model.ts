// What happened in a run or session, from its events: sections (one an attempt of a step) of items. Pure: the
// same events in the order of their ids always give the same transcript.

export interface RunEvent {
  id: string;
  type: string;
  ts: string;
  data: Record<string, unknown>;
}

export type Tone = "ok" | "bad" | "warn" | "run" | "human" | "quiet";

interface ItemBase {
  /** Unique within a transcript, and the same after a rebuild that keeps its first event. */
  key: string;
  /** Grows with each change; what is drawn of an older one is stale. */
  version: number;
  ts: string;
  /** Id of the event that made it: links point here. */
  eventId: string;
}

export interface TextItem extends ItemBase {
  kind: "text" | "thinking";
  text: string;
  endedAt: string;
  closed: boolean;
}

export interface ToolItem extends ItemBase {
  kind: "tool";
  callId: string;
  name: string;
  args: Record<string, unknown>;
  viaCode: boolean;
  /** What a program prints while it runs: the last part of it. */
  live: string;
  result: string | null;
  isError: boolean;
  durationMs: number | null;
  /** Its step ended before it did. */
  isCut: boolean;
}

export interface NoteItem extends ItemBase {
  kind: "note";
  tone: Tone;
  text: string;
  detail: string;
  isProblem: boolean;
}

export interface CheckItem extends ItemBase {
  kind: "check";
  index: number;
  name: string;
  command: string;
  verdict: string;
  exitCode: number | null;
  durationMs: number | null;
  output: string;
}

export type Item = TextItem | ToolItem | NoteItem | CheckItem;

export interface Section {
  key: string;
  /** Empty: what concerns the run and no step. */
  stepId: string;
  visit: number;
  attempt: number;
  agentId: string;
  sessionId: string;
  items: Item[];
  files: Map<string, string>;
  contextPercent: number | null;
  startedAt: string;
  endedAt: string;
  ended: "" | "completed" | "failed" | "cancelled";
  outputs: Record<string, string>;
  commit: string;
  error: string;
  errorCode: string;
  state: string;
  version: number;
}

const LIVE_CHARACTERS = 20_000;
const PROGRAMS = new Set(["bash", "exec_code"]);

type Data = Record<string, unknown>;

const word = (value: unknown): string => (typeof value === "string" ? value : "");
const figure = (value: unknown): number | null => (typeof value === "number" ? value : null);

export const sectionKey = (step: string, visit?: number, attempt?: number): string =>
  `${step}/${visit ?? 1}/${attempt ?? 1}`;

export class Transcript {
  /** In the order of their first event. */
  sections = new Map<string, Section>();
  #tools = new Map<string, ToolItem>();
  #checks = new Map<string, CheckItem>();
  /** By section: the call of which only output was seen. */
  #unseen = new Map<string, ToolItem>();
  #eventId = "";

  take(event: RunEvent): void {
    this.#eventId = event.id;
    HANDLERS[event.type]?.(this, event.data, event.ts);
  }

  section(data: Data, ts: string): Section {
    const stepId = word(data.stepId);
    const visit = figure(data.visit) ?? 1;
    const attempt = figure(data.attempt) ?? 1;
    const key = sectionKey(stepId, visit, attempt);
    let section = this.sections.get(key);
    if (!section) {
      section = newSection(key, stepId, visit, attempt, ts);
      this.sections.set(key, section);
    }
    if (data.agentId) section.agentId = word(data.agentId);
    if (data.sessionId) section.sessionId = word(data.sessionId);
    section.version += 1;
    return section;
  }

  /** What concerns the run stands between the sections, where it happened. */
  #runNotes(ts: string): Section {
    const last = [...this.sections.values()].at(-1);
    if (last?.stepId === "") {
      last.version += 1;
      return last;
    }
    const section = newSection(`run/${this.#eventId}`, "", 0, 0, ts);
    this.sections.set(section.key, section);
    return section;
  }

  #base(ts: string): ItemBase {
    return { key: this.#eventId, version: 1, ts, eventId: this.#eventId };
  }

  /** Text that follows text is one item. */
  addText(kind: "text" | "thinking", data: Data, ts: string): void {
    const section = this.section(data, ts);
    const chunk = word(data.chunk);
    if (data.source === "tool") {
      this.#addLive(section, chunk, ts);
      return;
    }
    const last = section.items.at(-1);
    if (last?.kind === kind && !last.closed) {
      last.text += chunk;
      last.endedAt = ts;
      last.version += 1;
    } else if (chunk) {
      if (last && (last.kind === "text" || last.kind === "thinking")) last.closed = true;
      section.items.push({ ...this.#base(ts), kind, text: chunk, endedAt: ts, closed: false });
    }
  }

  /**
   * What a program prints while it runs belongs to its call, until the result is there. A call that
   * lies before what is held gets a card without a name.
   */
  #addLive(section: Section, chunk: string, ts: string): void {
    const open = section.items.filter((item) => item.kind === "tool" && item.result === null) as ToolItem[];
    let tool = open.find((entry) => PROGRAMS.has(entry.name)) ?? open[0];
    if (!tool && section.startedAt === "") tool = this.#unseenTool(section, ts);
    if (!tool) return;
    tool.live = (tool.live + chunk).slice(-LIVE_CHARACTERS);
    tool.version += 1;
  }

  #unseenTool(section: Section, ts: string): ToolItem {
    const item = newTool(this.#base(ts), {});
    section.items.push(item);
    this.#unseen.set(section.key, item);
    return item;
  }

  note(data: Data, ts: string, tone: Tone, text: string, detail = "", isProblem = false): void {
    const home = data.stepId && data.visit ? this.section(data, ts) : this.#runNotes(ts);
    home.items.push({ ...this.#base(ts), kind: "note", tone, text, detail, isProblem });
  }

  startTool(data: Data, ts: string): ToolItem {
    const section = this.section(data, ts);
    const item = newTool(this.#base(ts), data);
    section.items.push(item);
    this.#tools.set(`${section.key}/${item.callId}`, item);
    return item;
  }

  endTool(data: Data, ts: string): void {
    const section = this.section(data, ts);
    // Its start may lie before what is held.
    const tool = this.#tools.get(`${section.key}/${word(data.toolCallId)}`) ?? this.#named(section, data) ?? this.startTool(data, ts);
    tool.isCut = false;
    tool.result = unwrapped(word(data.result));
    tool.live = "";
    tool.isError = data.isError === true;
    tool.durationMs = figure(data.durationMs) ?? Math.max(0, Date.parse(ts) - Date.parse(tool.ts));
    tool.version += 1;
  }

  /** The card without a name is that of the first call that ends without having begun. */
  #named(section: Section, data: Data): ToolItem | undefined {
    const tool = this.#unseen.get(section.key);
    if (!tool) return undefined;
    this.#unseen.delete(section.key);
    tool.callId = word(data.toolCallId);
    tool.name = word(data.toolName);
    return tool;
  }

  startCheck(data: Data, ts: string): CheckItem {
    const section = this.section(data, ts);
    const index = figure(data.index) ?? 0;
    const item: CheckItem = {
      ...this.#base(ts),
      kind: "check",
      index,
      name: word(data.name) || `Check ${index + 1}`,
      command: word(data.command),
      verdict: "running",
      exitCode: null,
      durationMs: null,
      output: "",
    };
    section.items.push(item);
    this.#checks.set(`${section.key}/${index}`, item);
    return item;
  }

  endCheck(data: Data, ts: string): void {
    const section = this.section(data, ts);
    const check = this.#checks.get(`${section.key}/${figure(data.index) ?? 0}`) ?? this.startCheck(data, ts);
    check.verdict = word(data.verdict);
    check.exitCode = figure(data.exitCode);
    check.durationMs = figure(data.durationMs);
    check.output = word(data.output);
    check.version += 1;
  }

  end(data: Data, ts: string, ended: "completed" | "failed" | "cancelled", error: string): void {
    const section = this.section(data, ts);
    section.ended = ended;
    section.endedAt = ts;
    for (const item of section.items) {
      if (item.kind !== "tool" || item.result !== null || item.isCut) continue;
      item.isCut = true;
      item.version += 1;
    }
    section.state = "";
    section.outputs = (data.outputs as Record<string, string> | undefined) ?? section.outputs;
    section.commit = word(data.commitHash) || section.commit;
    section.error = error;
    section.errorCode = word(data.errorCode);
  }
}

function newSection(key: string, stepId: string, visit: number, attempt: number, ts: string): Section {
  return {
    key,
    stepId,
    visit,
    attempt,
    agentId: "",
    sessionId: "",
    items: [],
    files: new Map(),
    contextPercent: null,
    startedAt: stepId ? "" : ts,
    endedAt: "",
    ended: "",
    outputs: {},
    commit: "",
    error: "",
    errorCode: "",
    state: "",
    version: 1,
  };
}

function newTool(base: ItemBase, data: Data): ToolItem {
  return {
    ...base,
    kind: "tool",
    callId: word(data.toolCallId),
    name: word(data.toolName),
    args: parsedArguments(data.args),
    viaCode: data.viaCode === true,
    live: "",
    result: null,
    isError: false,
    durationMs: null,
    isCut: false,
  };
}

function parsedArguments(args: unknown): Record<string, unknown> {
  if (typeof args !== "string") return (args as Record<string, unknown> | undefined) ?? {};
  if (!args) return {};
  try {
    const value: unknown = JSON.parse(args);
    if (value && typeof value === "object" && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // Not JSON: shown as it came.
  }
  return { arguments: args };
}

/** An error comes as `{"error": text}`: the text is what is meant. */
function unwrapped(result: string): string {
  if (!result.startsWith('{"')) return result;
  const values = Object.values(parsedArguments(result));
  return values.length === 1 && typeof values[0] === "string" ? values[0] : result;
}

type Handler = (t: Transcript, data: Data, ts: string) => void;

const WAITS_FOR: Record<string, string> = {
  storage_low: "The disk is nearly full.",
  storage_away: "The data directory is away.",
  project_quota: "What its project stores is over the quota.",
};
const INTERVENTIONS: Record<string, string> = {
  restart: "Restarted by a person",
  stop: "Stopped by a person",
  inject_context: "A hint from a person",
  pause: "Paused by a person",
  resume: "Resumed by a person",
};

const box =
  (text: string, tone: Tone, isProblem = false): Handler =>
  (t, data, ts) =>
    t.note(data, ts, tone, text, word(data.detail), isProblem);

const HANDLERS: Record<string, Handler> = {
  STEP_QUEUED: (t, data, ts) => void t.section(data, ts),
  STEP_STARTED: (t, data, ts) => {
    t.section(data, ts).startedAt = ts;
  },
  STEP_OUTPUT: (t, data, ts) => t.addText("text", data, ts),
  STEP_THINKING: (t, data, ts) => t.addText("thinking", data, ts),
  TOOL_CALL_START: (t, data, ts) => void t.startTool(data, ts),
  TOOL_CALL_END: (t, data, ts) => t.endTool(data, ts),
  CHECK_STARTED: (t, data, ts) => void t.startCheck(data, ts),
  CHECK_FINISHED: (t, data, ts) => t.endCheck(data, ts),
  AGENT_STATE: (t, data, ts) => {
    const section = t.section(data, ts);
    section.state = section.ended ? "" : word(data.state);
  },
  FILE_CHANGED: (t, data, ts) => {
    t.section(data, ts).files.set(word(data.path), word(data.action));
  },
  CONTEXT_USAGE: (t, data, ts) => {
    t.section(data, ts).contextPercent = figure(data.percent);
  },
  COMPACTION_COMPLETE: (t, data, ts) =>
    t.note(data, ts, "quiet", `The context was shortened: ${compact(data.tokensBefore)} → ${compact(data.tokensAfter)} tokens`,
      word(data.summary)),
  AGENT_ERROR: (t, data, ts) => t.note(data, ts, "bad", word(data.code) || "Error", word(data.message), true),
  STEP_COMPLETE: (t, data, ts) => t.end(data, ts, "completed", ""),
  STEP_FAILED: (t, data, ts) => t.end(data, ts, "failed", word(data.error)),
  STEP_CANCELLED: (t, data, ts) => t.end(data, ts, "cancelled", word(data.reason)),
  STEP_RETRYING: (t, data, ts) => t.note(data, ts, "warn", "Tried again, because", word(data.feedback), true),
  STEP_PARKED: (t, data, ts) => t.note(data, ts, "warn", `Waits: ${word(data.code)}`, word(data.message), true),
  TEMPLATE_WARNING: (t, data, ts) =>
    t.note(data, ts, "warn", "Unknown variables in the input", ((data.missing as string[] | undefined) ?? []).join(", ")),
  COMMIT_FAILED: (t, data, ts) =>
    t.note(data, ts, "bad", data.stepId === "finalize" ? "The branch could not be pushed" : "The commit failed",
      word(data.error), true),
  CONTAINER_CRASHED: box("The box crashed", "bad", true),
  CONTAINER_LIMIT: box("The box came to a limit", "warn", true),
  NETWORK_BLOCKED: (t, data, ts) =>
    t.note(data, ts, "warn", "A connection was refused", `${word(data.host)}:${figure(data.port) ?? ""} (${word(data.reason)})`, true),
  LOOP_ITEM_COMPLETE: (t, data, ts) =>
    t.note({}, ts, "quiet", `Item ${(figure(data.itemIndex) ?? 0) + 1} of ${word(data.stepId)} is done`),
  LOOP_ITEM_FAILED: (t, data, ts) =>
    t.note({}, ts, "bad", `Item ${(figure(data.itemIndex) ?? 0) + 1} of ${word(data.stepId)} failed`, word(data.error), true),
  HUMAN_INTERVENTION: (t, data, ts) =>
    t.note({ ...data, visit: data.action === "inject_context" ? data.visit : undefined }, ts, "human",
      INTERVENTIONS[word(data.action)] ?? "A person stepped in", word(data.context)),
  APPROVAL_REQUESTED: (t, data, ts) => t.note({}, ts, "human", `${word(data.stepId)} waits for approval`, word(data.text)),
  APPROVAL_DECIDED: (t, data, ts) => t.note({}, ts, "human", `Decision: ${word(data.decision)}`, word(data.comment)),
  AGENT_MESSAGE: (t, data, ts) =>
    t.note(data, ts, "run", `${word(data.from) || "An agent"} to ${word(data.to)}`, word(data.message)),
  RUN_WAITING: (t, data, ts) =>
    t.note({}, ts, "warn", "The run waits", WAITS_FOR[word(data.reason)] ?? word(data.reason), true),
  RUN_FORECAST_EXCEEDED: (t, data, ts) =>
    t.note({}, ts, "warn", `Beyond the forecast: ${((data.beyond as string[] | undefined) ?? []).join(" and ")}`),
  "budget.soft": (t, data, ts) =>
    t.note({}, ts, "warn", `${Math.round(figure(data.percent) ?? 0)} % of a ${word(data.scope)} budget is used`),
  "budget.hard": (t, data, ts) => t.note({}, ts, "bad", `A ${word(data.scope)} budget is used up`, "", true),
  RUN_COMPLETE: (t, _data, ts) => t.note({}, ts, "ok", "The run is complete"),
  RUN_FAILED: (t, data, ts) => t.note({}, ts, "bad", "The run failed", word(data.errorCode), true),
  RUN_CANCELLED: (t, data, ts) => t.note({}, ts, "quiet", "The run was stopped", word(data.reason)),
};

function compact(value: unknown): string {
  return (figure(value) ?? 0).toLocaleString("en");
}

/** Event types that tell only of the transcript: the run's own state is as before. */
export const TRANSCRIPT_ONLY: ReadonlySet<string> = new Set([
  "STEP_OUTPUT", "STEP_THINKING", "TOOL_CALL_START", "TOOL_CALL_END", "AGENT_STATE", "CONTEXT_USAGE",
  "FILE_CHANGED", "AGENT_ERROR", "AGENT_MESSAGE", "COMPACTION_COMPLETE", "NETWORK_BLOCKED", "TEMPLATE_WARNING",
]);
