// What happened in a run, from its events: sections (one an attempt) of items. No DOM in here.

const LIVE_CHARACTERS = 20_000;
const PROGRAMS = new Set(["bash", "exec_code"]);
const QUIET_TOOLS = { read: "read", ls: "listed", find: "searched", grep: "searched" };

export class Transcript {
  constructor() {
    this.clear();
  }

  clear() {
    this.sections = new Map(); // in the order of their first event
    this.tools = new Map();
    this.dirty = new Set();
    this.position = null;
  }

  /** Take one frame; answers whether the state of the run may have changed. */
  take(frame) {
    const { type, data, ts } = frame;
    this.position = frame.id;
    const handler = HANDLERS[type];
    if (handler) handler(this, data, ts, type);
    return !TRANSCRIPT_ONLY.has(type);
  }

  section(data, ts) {
    const key = sectionKey(data.stepId, data.visit, data.attempt);
    let section = this.sections.get(key);
    if (!section) {
      section = { key, stepId: data.stepId, visit: data.visit ?? 1, attempt: data.attempt ?? 1,
        agentId: "", items: [], files: new Map(), context: null, startedAt: null, endedAt: null, ended: "", outputs: null,
        commit: "", error: "", errorCode: "", state: "", firstTs: ts };
      this.sections.set(key, section);
    }
    if (data.agentId) section.agentId = data.agentId;
    this.dirty.add(section);
    return section;
  }

  /** Text that follows text is one item. */
  addText(kind, data, ts) {
    const section = this.section(data, ts);
    if (data.source === "tool" && this.#addLive(section, data.chunk ?? "")) return;
    const last = section.items.at(-1);
    if (last?.kind === kind && !last.closed) {
      last.text += data.chunk ?? "";
      last.endedAt = ts;
      last.version += 1;
    } else if (data.chunk) {
      if (last) last.closed = true;
      section.items.push(item(kind, ts, { text: data.chunk, endedAt: ts }));
    }
  }

  /** What a program prints while it runs belongs to its call, until the result is there. */
  #addLive(section, chunk) {
    const open = section.items.filter((entry) => entry.kind === "tool" && entry.result === null);
    const tool = open.find((entry) => PROGRAMS.has(entry.name)) ?? open[0];
    if (tool) {
      tool.live = (tool.live + chunk).slice(-LIVE_CHARACTERS);
      tool.version += 1;
    }
    return Boolean(tool) || section.items.some((entry) => entry.kind === "tool");
  }

  addFile(data, ts) {
    const section = this.section(data, ts);
    section.files.set(data.path, data.action);
  }

  addNote(data, ts, tone, text, detail = "") {
    const home = data.stepId && data.visit ? this.section(data, ts) : this.runNotes(ts);
    home.items.push(item("note", ts, { tone, text, detail }));
  }

  /** What concerns the run and no step stands between the sections. */
  runNotes(ts) {
    const last = [...this.sections.values()].at(-1);
    if (last?.stepId === "") {
      this.dirty.add(last);
      return last;
    }
    const key = `run/${this.sections.size}`;
    const section = { key, stepId: "", items: [], firstTs: ts };
    this.sections.set(key, section);
    this.dirty.add(section);
    return section;
  }

  startTool(data, ts) {
    const section = this.section(data, ts);
    const tool = item("tool", ts, { id: data.toolCallId, name: data.toolName,
      args: parsed(data.args), live: "", result: null, isError: false, durationMs: null });
    section.items.push(tool);
    this.tools.set(`${section.key}/${data.toolCallId}`, tool);
  }

  endTool(data, ts) {
    const section = this.section(data, ts);
    const key = `${section.key}/${data.toolCallId}`;
    if (!this.tools.has(key)) this.startTool(data, ts); // its start lies before what we hold
    const tool = this.tools.get(key);
    tool.result = unwrapped(data.result ?? "");
    tool.live = "";
    tool.isError = Boolean(data.isError);
    tool.durationMs = data.durationMs ?? Date.parse(ts) - Date.parse(tool.ts);
    tool.version += 1;
  }

  end(data, ts, ended) {
    const section = this.section(data, ts);
    section.ended = ended;
    section.endedAt = ts;
    section.state = "";
    if (data.outputs) section.outputs = data.outputs;
    if (data.commitHash) section.commit = data.commitHash;
    section.error = data.error ?? "";
    section.errorCode = data.errorCode ?? "";
    return section;
  }
}

let numbers = 0;
function item(kind, ts, values) {
  numbers += 1;
  return { number: numbers, version: 1, kind, ts, ...values };
}

export const sectionKey = (step, visit, attempt) => `${step}/${visit ?? 1}/${attempt ?? 1}`;

function parsed(args) {
  if (typeof args !== "string") return args ?? {};
  try {
    return JSON.parse(args);
  } catch {
    return { arguments: args };
  }
}

/** An error comes as `{"error": text}`: the text is what is meant. */
function unwrapped(result) {
  if (typeof result !== "string" || !result.startsWith('{"')) return result;
  const body = parsed(result);
  const keys = Object.keys(body);
  return keys.length === 1 && typeof body[keys[0]] === "string" ? body[keys[0]] : result;
}

const HANDLERS = {
  STEP_QUEUED: (t, data, ts) => t.section(data, ts),
  STEP_STARTED: (t, data, ts) => {
    t.section(data, ts).startedAt = ts;
  },
  STEP_OUTPUT: (t, data, ts) => t.addText("text", data, ts),
  STEP_THINKING: (t, data, ts) => t.addText("thinking", data, ts),
  TOOL_CALL_START: (t, data, ts) => t.startTool(data, ts),
  TOOL_CALL_END: (t, data, ts) => t.endTool(data, ts),
  AGENT_STATE: (t, data, ts) => {
    const section = t.section(data, ts);
    section.state = section.ended ? "" : data.state;
  },
  FILE_CHANGED: (t, data, ts) => t.addFile(data, ts),
  CONTEXT_USAGE: (t, data, ts) => {
    t.section(data, ts).context = data.percent;
  },
  AGENT_ERROR: (t, data, ts) => t.addNote(data, ts, "bad", data.code || "Error", data.message),
  STEP_COMPLETE: (t, data, ts) => t.end(data, ts, "completed"),
  STEP_FAILED: (t, data, ts) => t.end(data, ts, "failed"),
  STEP_CANCELLED: (t, data, ts) => t.end({ ...data, error: data.reason }, ts, "cancelled"),
  STEP_RETRYING: (t, data, ts) =>
    t.addNote(data, ts, "warn", "Tried again, because", data.feedback ?? data.error ?? ""),
  TEMPLATE_WARNING: (t, data, ts) =>
    t.addNote(data, ts, "warn", "Unknown variables in the input", (data.missing ?? []).join(", ")),
  COMMIT_FAILED: (t, data, ts) =>
    t.addNote(data, ts, "bad", data.stepId === "finalize"
      ? "The branch could not be pushed" : "The commit failed", data.error),
  CONTAINER_CRASHED: (t, data, ts) =>
    t.addNote(data, ts, "bad", "The box crashed", data.oomKilled
      ? "It used more memory than its limit." : `Exit code ${data.exitCode ?? "unknown"}`),
  LOOP_ITEM_COMPLETE: (t, data, ts) =>
    t.addNote(data, ts, "ok", `Item ${Number(data.itemIndex ?? 0) + 1} is done`),
  LOOP_ITEM_FAILED: (t, data, ts) => t.addNote(data, ts, "bad", "An item failed", data.error),
  HUMAN_INTERVENTION: (t, data, ts) =>
    t.addNote({ ...data, visit: null }, ts, "human", INTERVENTIONS[data.action] ?? data.action,
      data.context ?? ""),
  APPROVAL_REQUESTED: (t, data, ts) =>
    t.addNote({ ...data, visit: null }, ts, "human", `${data.stepId || "A step"} asks for approval`),
  APPROVAL_DECIDED: (t, data, ts) =>
    t.addNote({ ...data, visit: null }, ts, "human", `Decision: ${data.decision}`, data.comment ?? ""),
  AGENT_MESSAGE: (t, data, ts) =>
    t.addNote(data, ts, "run", `${data.from || "An agent"} to ${data.to}`, data.message),
  RUN_COMPLETE: (t, data, ts) => t.addNote({}, ts, "ok", "The run is complete"),
  RUN_FAILED: (t, data, ts) => t.addNote({}, ts, "bad", "The run failed", data.errorCode ?? ""),
  RUN_CANCELLED: (t, data, ts) => t.addNote({}, ts, "quiet", "The run was stopped", data.reason ?? ""),
};

const INTERVENTIONS = {
  restart: "Restarted by a person",
  stop: "Stopped by a person",
  inject_context: "A hint from a person",
  pause: "Paused by a person",
  resume: "Resumed by a person",
};

const TRANSCRIPT_ONLY = new Set(["STEP_OUTPUT", "STEP_THINKING", "TOOL_CALL_START", "TOOL_CALL_END",
  "AGENT_STATE", "CONTEXT_USAGE", "FILE_CHANGED", "AGENT_ERROR"]);

/** Runs of quiet tools that went well become one group. */
export function grouped(items) {
  const out = [];
  for (const entry of items) {
    const quiet = isQuiet(entry);
    const last = out.at(-1);
    if (quiet && last?.kind === "group") {
      last.items.push(entry);
    } else if (quiet && last && isQuiet(last)) {
      out[out.length - 1] = { kind: "group", number: last.number, items: [last, entry] };
    } else {
      out.push(entry);
    }
  }
  return out;
}

function isQuiet(entry) {
  return entry.kind === "tool" && entry.name in QUIET_TOOLS && entry.result !== null && !entry.isError;
}

/** “Read 3 files, searched 2 times” */
export function groupTitle(items) {
  const counts = {};
  for (const entry of items) counts[QUIET_TOOLS[entry.name]] = (counts[QUIET_TOOLS[entry.name]] ?? 0) + 1;
  const words = Object.entries(counts).map(([verb, n]) => ({
    read: `read ${n} ${n === 1 ? "file" : "files"}`,
    listed: `listed ${n} ${n === 1 ? "directory" : "directories"}`,
    searched: `searched ${n === 1 ? "once" : `${n} times`}`,
  })[verb]);
  const text = words.join(", ");
  return text[0].toUpperCase() + text.slice(1);
}

/** The one argument that says most about a call. */
export function argumentSummary(name, args) {
  const keys = ["command", "path", "file_path", "pattern", "query", "url", "summary", "reason", "code",
    "message"];
  const key = keys.find((candidate) => typeof args[candidate] === "string" && args[candidate]);
  const value = key ? args[key] : Object.values(args).find((v) => typeof v === "string") ?? "";
  const line = String(value).trim().split("\n")[0];
  return line.length > 160 ? `${line.slice(0, 159)}…` : line;
}

// Escape sequences of terminals: colours, cursor moves, titles.
const ANSI = /\u001b\[[0-9;?]*[ -/]*[@-~]|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)|\u001b[@-_]/g;
export const plainText = (text) => String(text).replace(ANSI, "");
