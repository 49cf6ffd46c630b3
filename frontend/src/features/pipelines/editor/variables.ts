// Variables of templates in a pipeline's text: which there are, and which nothing gives a value.

import type { Completion, CompletionContext, CompletionResult } from "@codemirror/autocomplete";
import { type EditorState, type Extension, RangeSetBuilder } from "@codemirror/state";
import { Decoration, type DecorationSet, type EditorView, hoverTooltip, ViewPlugin, type ViewUpdate } from "@codemirror/view";

import type { Schemas } from "@/api/client";

export type Variable = Schemas["Variable"];

export interface Known {
  variables: readonly Variable[];
  /** Callers may bring any name that begins so. */
  prefixes: readonly string[];
}

export const NOTHING_KNOWN: Known = { variables: [], prefixes: [] };

export interface Named {
  name: string;
  from: number;
  to: number;
}

const TOKEN = /\{\{[ \t]*([A-Za-z0-9_]+)[ \t]*\}\}|\{%[ \t]*if[ \t]+([A-Za-z0-9_]+)[ \t]*%\}/g;

/** Every variable that a text names, with its place. `offset` is added to each. */
export function namedIn(text: string, offset = 0): Named[] {
  return [...text.matchAll(TOKEN)].map((match) => {
    const name = match[1] ?? match[2] ?? "";
    const from = offset + match.index + match[0].indexOf(name, match[1] ? 2 : match[0].indexOf("if") + 2);
    return { name, from, to: from + name.length };
  });
}

/** Null: nothing gives it a value, unless a run is started with it. */
export function originOf(name: string, { variables, prefixes }: Known): string | null {
  const found = variables.find((each) => each.name === name);
  if (found) return originWords(found);
  return prefixes.some((prefix) => name.startsWith(prefix)) ? "may come with the start of a run" : null;
}

function originWords({ origin, steps }: Variable): string {
  switch (origin) {
    case "output":
      return `output of ${steps.join(", ")}`;
    case "loop":
      return "of the open loop";
    case "project":
      return "of the run's project";
    case "run":
      return "of the run";
  }
}

/** Offers for a name that is being written in `{{ … }}` or `{% if … %}`. */
export function variableCompletions(context: CompletionContext, { variables }: Known): CompletionResult | null {
  const open = context.matchBefore(/(\{\{[ \t]*|\{%[ \t]*if[ \t]+)[A-Za-z0-9_]*$/);
  if (!open || variables.length === 0) return null;
  const [, before = ""] = /^(\{\{[ \t]*|\{%[ \t]*if[ \t]+)/.exec(open.text) ?? [];
  const end = before.startsWith("{%") ? " %}" : "}}";
  const isClosed = context.state.sliceDoc(context.pos, context.pos + 4).trimStart().startsWith(end.trim());
  const options = variables.map((variable): Completion => ({
    label: variable.name, detail: originWords(variable), apply: isClosed ? variable.name : variable.name + end,
  }));
  return { from: open.from + before.length, options, validFor: /^[A-Za-z0-9_]*$/ };
}

const known = Decoration.mark({ class: "cm-variable" });
const unknown = Decoration.mark({ class: "cm-variable-unknown" });

/** Marks the variables in view; explains the one under the pointer. */
export function variableMarks(read: Known): Extension {
  const plugin = ViewPlugin.fromClass(class {
    decorations: DecorationSet;
    constructor(view: EditorView) {
      this.decorations = marksIn(view, read);
    }
    update(update: ViewUpdate): void {
      if (update.docChanged || update.viewportChanged) this.decorations = marksIn(update.view, read);
    }
  }, { decorations: (value) => value.decorations });
  return read.variables.length === 0 ? [] : [plugin, hoverTooltip((view, at) => explained(view.state, at, read))];
}

function marksIn(view: EditorView, read: Known): DecorationSet {
  const marks = new RangeSetBuilder<Decoration>();
  for (const { from, to } of view.visibleRanges) {
    for (const each of namedIn(view.state.sliceDoc(from, to), from)) {
      marks.add(each.from, each.to, originOf(each.name, read) === null ? unknown : known);
    }
  }
  return marks.finish();
}

function explained(state: EditorState, at: number, read: Known) {
  const line = state.doc.lineAt(at);
  const found = namedIn(line.text, line.from).find((each) => each.from <= at && at <= each.to);
  if (!found) return null;
  const text = originOf(found.name, read) ?? "Nothing gives it a value: it is empty unless a run is started with it.";
  return {
    pos: found.from,
    end: found.to,
    create: () => {
      const dom = document.createElement("div");
      dom.className = "px-2 py-1 text-xs";
      dom.textContent = `${found.name}: ${text}`;
      return { dom };
    },
  };
}
