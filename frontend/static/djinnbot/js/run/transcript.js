// The transcript on the page: a section an attempt, drawn again only where something is new.

import { h, render } from "../lib/dom.js";
import { between, clockTime, count, duration } from "../lib/format.js";
import { markdown } from "../lib/markdown.js";
import { icon, statusPill } from "../lib/status.js";
import { resultWord, shownStatus } from "./graph.js";
import { argumentSummary, grouped, groupTitle, plainText, sectionKey } from "./model.js";

const TOOL_ICONS = { bash: "terminal", exec_code: "terminal", edit: "edit", write: "edit", read: "read",
  ls: "search", find: "search", grep: "search", web_search: "search", complete: "check", fail: "cross" };
const FILE_SIGNS = { create: "+ ", delete: "− " };
const FILE_WORDS = { create: "created", modify: "changed", delete: "deleted" };
const LONG_CHARACTERS = 4000;
const STATE_WORDS = { thinking: "Thinking", streaming: "Writing", tool_calling: "Using a tool",
  starting: "Starting" };

export class TranscriptView {
  constructor(place, transcript) {
    this.place = place;
    this.transcript = transcript;
    this.elements = new Map();
    this.filter = "";
    this.heads = new Map(); // what the head of a section shows of its execution
  }

  clear() {
    this.elements.clear();
    this.heads.clear();
    this.place.replaceChildren();
  }

  /** Draw what is new. `run` is the newest snapshot, for agents, models and states. */
  update(run) {
    this.run = run;
    const executions = new Map(run.executions.map((row) =>
      [sectionKey(row.step_id, row.visit, row.attempt), row]));
    for (const section of this.transcript.sections.values()) {
      const execution = executions.get(section.key);
      const facts = headFacts(execution, run);
      if (!this.transcript.dirty.has(section) && this.heads.get(section.key) === facts) continue;
      this.heads.set(section.key, facts);
      this.#draw(section, execution);
    }
    this.transcript.dirty.clear();
    this.place.dataset.empty = String(this.transcript.sections.size === 0);
  }

  setFilter(stepId) {
    this.filter = stepId;
    for (const [key, element] of this.elements) {
      element.hidden = Boolean(stepId) && this.transcript.sections.get(key).stepId !== stepId;
    }
  }

  goTo(key) {
    const element = this.elements.get(key);
    element?.scrollIntoView({ block: "start", behavior: "smooth" });
    element?.querySelector("h3")?.focus({ preventScroll: true });
    return Boolean(element);
  }

  #draw(section, execution) {
    let element = this.elements.get(section.key);
    if (!element) {
      element = h("section", { class: section.stepId ? "attempt" : "between",
        dataset: { section: section.key } });
      element.hidden = Boolean(this.filter) && section.stepId !== this.filter;
      this.elements.set(section.key, element);
      this.place.append(element);
    }
    const drawn = new Map([...element.querySelectorAll("[data-version]")].map((old) =>
      [old.dataset.version, old]));
    const items = grouped(section.items).map((entry) => this.#item(entry, drawn));
    if (!section.stepId) render(element, items);
    else {
      render(element, sectionHead(section, execution, this.run),
        h("div", { class: "items" }, items, sectionEnd(section, execution)));
    }
  }

  /** Items that have not changed keep their element: the text of a long answer is parsed once. */
  #item(entry, drawn) {
    const version = `${entry.number}.${entry.version ?? entry.items.length}`;
    if (drawn.has(version)) return keeper(drawn.get(version));
    const made = DRAW[entry.kind](entry);
    // A call that prints stands open; when its result is there it is another element, folded.
    made.dataset.key = `i${entry.number}${entry.live ? "-live" : ""}`;
    made.dataset.version = version;
    return made;
  }
}

/** What may change in a head without an event; the seconds of one that runs count too. */
function headFacts(row, run) {
  if (!row) return "";
  const took = row.started_at && !row.finished_at ? between(row.started_at, null) : "";
  return [shownStatus(row, run), row.model_used, row.commit_hash, row.result_key, row.finished_at, row.superseded, row.remedy, took].join("|");
}

/** A stand-in which tells the morph to leave the live element as it is. */
function keeper(element) {
  const copy = element.cloneNode(false);
  copy.setAttribute("data-own", "");
  return copy;
}

function sectionHead(section, execution, run) {
  // An event can be ahead of the snapshot, and the snapshot of the event.
  const status = section.ended || (execution && shownStatus(execution, run));
  const agent = execution?.agent_id || section.agentId;
  const repeat = [section.visit > 1 && `visit ${section.visit}`, section.attempt > 1 && `try ${section.attempt}`]
    .filter(Boolean).join(", ");
  return h("header", { class: "attempt-head" },
    h("span", { class: "avatar", "aria-hidden": "true", dataset: { hue: hueOf(agent) } },
      (agent || "?").slice(0, 1).toUpperCase()),
    h("div", { class: "grow" },
      h("h3", { tabindex: -1 }, section.stepId, repeat && h("span", { class: "muted" }, ` ${repeat}`)),
      h("p", { class: "facts" }, [agent,
        execution?.loop_item && `item ${execution.loop_item.index + 1}`,
        execution?.model_used,
        section.startedAt && clockTime(section.startedAt),
        execution?.started_at && between(execution.started_at, execution.finished_at),
        section.context >= 50 && !section.ended && `context ${Math.round(section.context)} % full`,
      ].filter(Boolean).map((fact, at) => [at > 0 && " · ", h("span", { class: "num" }, fact)]))),
    execution?.superseded && h("span", { class: "muted" }, "superseded"),
    resultWord(execution) && h("span", { class: "result-tag mono" }, resultWord(execution)),
    statusPill(status || "queued"));
}

/** A hue in 30° steps: fixed for an agent, and only ever beside its name. */
export function hueOf(agent) {
  let sum = 0;
  for (const character of agent ?? "") sum = (sum * 31 + character.codePointAt(0)) % 9973;
  return sum % 12;
}

function sectionEnd(section, execution) {
  const parts = [];
  const active = !section.ended && section.startedAt && isActive(execution);
  if (active) {
    parts.push(h("p", { class: "working", dataset: { key: "working" } }, h("i"),
      STATE_WORDS[section.state] ?? "Working"));
  }
  if (section.error) {
    parts.push(h("div", { class: "problem", dataset: { key: "error", tone: section.ended === "cancelled" ? "quiet" : "bad" } },
      icon("alert"), h("div", { class: "grow" },
        section.errorCode && h("h2", null, h("code", null, section.errorCode)),
        h("pre", null, plainText(section.error)),
        execution?.remedy && h("p", { class: "remedy" }, execution.remedy))));
  }
  const outputs = Object.entries(section.outputs ?? {}).filter(([, value]) => value !== "");
  if (outputs.length > 0) parts.push(outputsView(outputs));
  if (section.files.size > 0) {
    parts.push(h("p", { class: "touched", dataset: { key: "files" } }, icon("file"),
      [...section.files].map(([path, action]) => h("span", { class: "mono", title: FILE_WORDS[action] ?? action },
        FILE_SIGNS[action] ?? "", path))));
  }
  const commit = section.commit || execution?.commit_hash;
  if (commit) {
    parts.push(h("p", { class: "commit", dataset: { key: "commit" } }, icon("commit"), "Committed as ",
      h("button", { class: "link mono", type: "button", dataset: { action: "show-commit", hash: commit } },
        commit.slice(0, 9))));
  }
  return parts;
}

function isActive(execution) {
  return !execution || ["starting", "running", "finishing"].includes(execution.status);
}

function outputsView(outputs) {
  return h("dl", { class: "outputs", dataset: { key: "outputs" } }, outputs.map(([name, value]) => [
    h("dt", { class: "mono" }, name), h("dd", null, longText(String(value)))]));
}

function longText(text) {
  if (text.length <= 280 && !text.includes("\n")) return text;
  const first = text.trim().split("\n")[0].slice(0, 160);
  return h("details", null, h("summary", null, first, text.length > first.length && "…"),
    h("pre", null, text));
}

const DRAW = {
  text: (entry) => h("div", { class: "prose" }, markdown(entry.text)),
  thinking: thinking,
  tool: toolCard,
  group: (entry) => h("details", { class: "tool group" },
    h("summary", null, icon("read"), h("span", { class: "tool-name" }, groupTitle(entry.items)), chevron()),
    h("div", { class: "tool-body" }, entry.items.map((tool) => {
      const card = toolCard(tool);
      card.dataset.key = `g${tool.number}`;
      return card;
    }))),
  note: (entry) => h("p", { class: "note", dataset: { tone: entry.tone } }, h("i"),
    h("span", { title: entry.detail }, h("strong", null, entry.text),
      entry.detail && h("span", { class: "muted" }, ` ${shortened(entry.detail)}`)),
    h("time", { class: "muted num", datetime: entry.ts }, clockTime(entry.ts))),
};

function shortened(text) {
  const line = text.trim().split("\n")[0];
  return line.length > 200 ? `${line.slice(0, 199)}…` : line;
}

function thinking(entry) {
  const first = entry.text.trim().split("\n").find((line) => line.trim()) ?? "";
  const took = Date.parse(entry.endedAt) - Date.parse(entry.ts);
  return h("details", { class: "thinking" },
    h("summary", null, icon("thought"), h("span", { class: "tool-name" }, took > 1000 ? `Thought for ${duration(took)}` : "Thought"),
      h("span", { class: "gist" }, first.replace(/[*_`#]/g, "")), chevron()),
    h("div", { class: "prose quiet" }, markdown(entry.text)));
}

const chevron = () => {
  const mark = icon("chevron");
  mark.classList.add("chevron");
  return mark;
};

function toolCard(entry) {
  const busy = entry.result === null;
  const state = busy ? "running" : entry.isError ? "failed" : "completed";
  return h("details", { class: "tool", open: busy && Boolean(entry.live), dataset: { state } },
    h("summary", null, icon(TOOL_ICONS[entry.name] ?? "tool"),
      h("span", { class: "tool-name mono" }, entry.name),
      h("span", { class: "gist mono" }, argumentSummary(entry.name, entry.args)),
      busy && h("span", { class: "status", dataset: { tone: "run" } }, "running"),
      entry.isError && h("span", { class: "status", dataset: { tone: "bad" } }, "failed"),
      h("span", { class: "took num muted" }, busy ? "" : duration(entry.durationMs)), chevron()),
    h("div", { class: "tool-body" }, toolArguments(entry), toolResult(entry)));
}

function toolArguments(entry) {
  const { args } = entry;
  if (entry.name === "bash" && typeof args.command === "string") {
    return h("pre", { class: "code command" }, args.command);
  }
  const oldText = args.old_text ?? args.old_string ?? args.oldText;
  const newText = args.new_text ?? args.new_string ?? args.newText;
  if (typeof oldText === "string" && typeof newText === "string") {
    return [h("p", { class: "mono path" }, args.path ?? args.file_path ?? ""),
      h("div", { class: "swap" }, h("pre", { class: "code removed" }, oldText),
        h("pre", { class: "code added" }, newText))];
  }
  const rows = Object.entries(args);
  if (rows.length === 0) return null;
  return h("dl", { class: "arguments" }, rows.map(([name, value]) => [h("dt", { class: "mono" }, name),
    h("dd", null, typeof value === "string" && !value.includes("\n") && value.length < 200
      ? h("code", null, value)
      : h("pre", { class: "code" }, typeof value === "string" ? value : JSON.stringify(value, null, 2)))]));
}

function toolResult(entry) {
  if (entry.result === null) {
    return entry.live ? h("pre", { class: "code result", dataset: { tail: "" } }, plainText(entry.live))
      : h("p", { class: "muted" }, "No result yet.");
  }
  const text = plainText(typeof entry.result === "string" ? entry.result : JSON.stringify(entry.result, null, 2));
  if (!text.trim()) return h("p", { class: "muted" }, "It gave no output.");
  const pre = h("pre", { class: `code result${entry.isError ? " bad" : ""}`, tabindex: 0 },
    text.slice(0, LONG_CHARACTERS));
  if (text.length <= LONG_CHARACTERS) return pre;
  return [pre, h("details", null,
    h("summary", null, `Show the other ${count(text.length - LONG_CHARACTERS, "character")}`),
    h("pre", { class: "code result" }, text.slice(LONG_CHARACTERS)))];
}

/** Keep the end in view while the reader is there; count what is new while they are not. */
export class Follow {
  constructor(scroller, button) {
    this.scroller = scroller;
    this.button = button;
    this.on = true;
    this.offers = true; // an ended run has nothing new to offer
    const target = scroller === document.scrollingElement ? document : scroller;
    target.addEventListener("scroll", () => this.#look(), { passive: true });
    button.addEventListener("click", () => this.toEnd());
  }

  #look() {
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    this.on = scrollHeight - scrollTop - clientHeight < 80;
    if (this.on) this.button.hidden = true;
  }

  /** After something was drawn. */
  drawn() {
    if (this.on) this.scroller.scrollTop = this.scroller.scrollHeight;
    else if (this.offers && this.scroller.scrollHeight > this.scroller.clientHeight + 120) this.button.hidden = false;
  }

  toEnd() {
    this.on = true;
    this.button.hidden = true;
    this.scroller.scrollTop = this.scroller.scrollHeight;
  }
}
