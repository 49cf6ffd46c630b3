// The transcript as rows of a virtual list: filtered, quiet tools grouped, long texts in blocks.

import { plainText } from "./ansi";
import { type Block, splitBlocks } from "./blocks";
import type { CheckItem, Item, NoteItem, Section, TextItem, ToolItem, Transcript } from "./model";

export type KindFilter = "all" | "text" | "tools" | "problems" | "thinking";

export interface RowFilter {
  stepId: string;
  visit: number | null;
  kind: KindFilter;
  /** Thinking is left out of “all” when false. */
  thinking: boolean;
}

interface RowBase {
  key: string;
  section: Section;
  /** What is drawn depends on this and the key alone. */
  version: string;
}

export type Row =
  | (RowBase & { kind: "head" })
  | (RowBase & { kind: "text"; item: TextItem; block: Block })
  | (RowBase & { kind: "thinking"; item: TextItem })
  | (RowBase & { kind: "tool"; item: ToolItem })
  | (RowBase & { kind: "group"; items: ToolItem[] })
  | (RowBase & { kind: "check"; item: CheckItem })
  | (RowBase & { kind: "note"; item: NoteItem })
  | (RowBase & { kind: "end" });

const QUIET_TOOLS: Record<string, string> = { read: "read", ls: "listed", find: "searched", grep: "searched" };

/** Keeps the blocks of texts and the rows of sections that have not changed. */
export class RowBuilder {
  #blocks = new WeakMap<TextItem, { length: number; blocks: Block[] }>();
  #rows = new WeakMap<Section, { version: number; filter: string; rows: Row[] }>();

  rows(transcript: Transcript, filter: RowFilter): Row[] {
    const wanted = JSON.stringify(filter);
    const rows: Row[] = [];
    for (const section of transcript.sections.values()) {
      if (!sectionMatches(section, filter)) continue;
      const kept = this.#rows.get(section);
      if (kept && kept.version === section.version && kept.filter === wanted) {
        for (const row of kept.rows) rows.push(row);
        continue;
      }
      const made = this.#sectionRows(section, filter);
      this.#rows.set(section, { version: section.version, filter: wanted, rows: made });
      for (const row of made) rows.push(row);
    }
    return rows;
  }

  #sectionRows(section: Section, filter: RowFilter): Row[] {
    const body = grouped(section.items.filter((item) => itemMatches(item, filter)))
      .flatMap((entry) => this.#entryRows(section, entry));
    if (!section.stepId) return body;
    const version = String(section.version);
    const showsEnd = filter.kind === "all" || filter.kind === "text" || (filter.kind === "problems" && section.error !== "");
    if (filter.kind !== "all" && body.length === 0 && !(showsEnd && section.error)) return [];
    const rows: Row[] = [{ kind: "head", key: `head/${section.key}`, section, version }, ...body];
    if (showsEnd) rows.push({ kind: "end", key: `end/${section.key}`, section, version });
    return rows;
  }

  #entryRows(section: Section, entry: Item | ToolItem[]): Row[] {
    if (Array.isArray(entry)) {
      return [{ kind: "group", key: `group/${entry[0]?.key ?? ""}`, section, items: entry, version: String(entry.length) }];
    }
    const version = String(entry.version);
    switch (entry.kind) {
      case "text":
        return this.#textBlocks(entry).map((block, at) => ({
          kind: "text", key: `${entry.key}/${at}`, section, item: entry, block, version: `${block.start}-${block.end}`,
        }));
      case "thinking":
        return [{ kind: "thinking", key: entry.key, section, item: entry, version }];
      case "tool":
        return [{ kind: "tool", key: entry.key, section, item: entry, version }];
      case "check":
        return [{ kind: "check", key: entry.key, section, item: entry, version }];
      case "note":
        return [{ kind: "note", key: entry.key, section, item: entry, version }];
    }
  }

  #textBlocks(item: TextItem): Block[] {
    const kept = this.#blocks.get(item);
    if (kept?.length === item.text.length) return kept.blocks;
    const blocks = splitBlocks(item.text, kept?.blocks);
    this.#blocks.set(item, { length: item.text.length, blocks });
    return blocks;
  }
}

function sectionMatches(section: Section, filter: RowFilter): boolean {
  if (filter.stepId && section.stepId !== filter.stepId) return false;
  return !(filter.stepId && filter.visit !== null && section.visit !== filter.visit);
}

function itemMatches(item: Item, filter: RowFilter): boolean {
  switch (filter.kind) {
    case "all":
      return filter.thinking || item.kind !== "thinking";
    case "text":
      return item.kind === "text" || item.kind === "note";
    case "thinking":
      return item.kind === "thinking";
    case "tools":
      return item.kind === "tool" || item.kind === "check";
    case "problems":
      return isProblem(item);
  }
}

export function isProblem(item: Item): boolean {
  if (item.kind === "tool") return item.isError;
  if (item.kind === "check") return !["running", "passed"].includes(item.verdict);
  return item.kind === "note" && item.isProblem;
}

/** Quiet tools that went well and follow each other become one entry. */
export function grouped(items: readonly Item[]): (Item | ToolItem[])[] {
  const out: (Item | ToolItem[])[] = [];
  for (const item of items) {
    const last = out.at(-1);
    if (item.kind === "tool" && isQuiet(item)) {
      if (Array.isArray(last)) {
        last.push(item);
        continue;
      }
      if (last?.kind === "tool" && isQuiet(last)) {
        out[out.length - 1] = [last, item];
        continue;
      }
    }
    out.push(item);
  }
  return out;
}

function isQuiet(tool: ToolItem): boolean {
  return tool.name in QUIET_TOOLS && tool.result !== null && !tool.isError;
}

/** “Read 3 files, searched twice” */
export function groupTitle(items: readonly ToolItem[]): string {
  const counts = new Map<string, number>();
  for (const { name } of items) {
    const verb = QUIET_TOOLS[name] ?? name;
    counts.set(verb, (counts.get(verb) ?? 0) + 1);
  }
  const text = [...counts].map(([verb, n]) => GROUP_WORDS[verb]?.(n) ?? `${verb} ${n}`).join(", ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

const GROUP_WORDS: Record<string, (n: number) => string> = {
  read: (n) => `read ${n} ${n === 1 ? "file" : "files"}`,
  listed: (n) => `listed ${n} ${n === 1 ? "directory" : "directories"}`,
  searched: (n) => `searched ${["never", "once", "twice"][n] ?? `${n} times`}`,
};

const TELLING = ["command", "path", "file_path", "pattern", "query", "url", "summary", "reason", "code", "message"];

/** The one argument that says most about a call, on one line. */
export function argumentSummary(args: Record<string, unknown>): string {
  const key = TELLING.find((name) => typeof args[name] === "string" && args[name]);
  const value = key ? args[key] : Object.values(args).find((entry) => typeof entry === "string");
  const line = plainText(typeof value === "string" ? value : "").trim().split("\n")[0] ?? "";
  return line.length > 160 ? `${line.slice(0, 159)}…` : line;
}

/** Places of the rows that tell of something wrong. */
export function problemRows(rows: readonly Row[]): number[] {
  return rows.flatMap((row, at) => (isProblemRow(row) ? [at] : []));
}

function isProblemRow(row: Row): boolean {
  if (row.kind === "end") return row.section.ended === "failed";
  return (row.kind === "tool" || row.kind === "check" || row.kind === "note") && isProblem(row.item);
}

/** The event with which a row began; empty for what belongs to a whole section. */
export function rowEvent(row: Row): string {
  switch (row.kind) {
    case "head":
    case "end":
      return "";
    case "group":
      return row.items[0]?.eventId ?? "";
    case "text":
      return row.block.start === 0 ? row.item.eventId : "";
    default:
      return row.item.eventId;
  }
}

/** The place of the row in which an event is shown: the last one that began with it or before; -1 without one. */
export function rowOfEvent(rows: readonly Row[], event: string): number {
  let place = -1;
  let best = -1;
  rows.forEach((row, at) => {
    const id = Number(rowEvent(row) || -1);
    if (id > best && id <= Number(event)) {
      best = id;
      place = at;
    }
  });
  return place;
}

/** The row of an event that holds `text`: a long text is several rows, of which the first has the event. */
export function rowOfText(rows: readonly Row[], event: string, text: string): number {
  const first = rowOfEvent(rows, event);
  const item = itemOf(rows[first]);
  if (!item) return first;
  const wanted = text.toLowerCase();
  for (let at = first; at < rows.length && itemOf(rows[at]) === item; at += 1) {
    if (rowText(rows[at] as Row).toLowerCase().includes(wanted)) return at;
  }
  return first;
}

const itemOf = (row: Row | undefined): Item | undefined => (row && "item" in row ? row.item : undefined);

/** What a row says, for the search in view. */
export function rowText(row: Row): string {
  switch (row.kind) {
    case "head":
      return `${row.section.stepId} ${row.section.agentId}`;
    case "text":
      return row.item.text.slice(row.block.start, row.block.end);
    case "thinking":
      return row.item.text;
    case "tool":
      return toolText(row.item);
    case "group":
      return row.items.map(toolText).join("\n");
    case "check":
      return `${row.item.name} ${row.item.command} ${row.item.output}`;
    case "note":
      return `${row.item.text} ${row.item.detail}`;
    case "end":
      return [row.section.error, ...Object.values(row.section.outputs), ...row.section.files.keys()].join("\n");
  }
}

const toolText = (tool: ToolItem): string =>
  `${tool.name} ${Object.values(tool.args).filter((value) => typeof value === "string").join(" ")} ${tool.result ?? tool.live}`;

/** Places of the rows that hold `query`, without regard to case. */
export function matchingRows(rows: readonly Row[], query: string): number[] {
  const wanted = query.trim().toLowerCase();
  if (!wanted) return [];
  return rows.flatMap((row, at) => (rowText(row).toLowerCase().includes(wanted) ? [at] : []));
}
