import { autocompletion, type CompletionContext, type CompletionResult } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { yaml } from "@codemirror/lang-yaml";
import { bracketMatching, defaultHighlightStyle, foldGutter, HighlightStyle, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { type Diagnostic, lintGutter, setDiagnostics } from "@codemirror/lint";
import { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
import { Compartment, EditorState } from "@codemirror/state";
import { drawSelection, EditorView, highlightActiveLine, highlightActiveLineGutter, hoverTooltip, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { getNonce } from "get-nonce";
import { useEffect, useImperativeHandle, useRef, useState, type Ref } from "react";

import type { Problem } from "../queries";
import { keyBefore, mappingPath } from "./place";
import { keyOffers, type Offer, type Schema, schemaAt, valueOffers } from "./schema";
import { type Known, variableCompletions, variableMarks } from "./variables";

export interface EditorHandle {
  /** Put the cursor on a line, counted from 1, and show it. */
  goToLine: (line: number) => void;
}

interface YamlEditorProps {
  ref?: Ref<EditorHandle>;
  text: string;
  onChange: (text: string) => void;
  onSave: () => void;
  readOnly: boolean;
  problems: readonly Problem[];
  schema: Schema | undefined;
  /** What templates may name. */
  known: Known;
}

const theme = EditorView.theme({
  "&": { height: "100%", backgroundColor: "var(--surface)", color: "var(--text)", fontSize: "12.5px" },
  ".cm-scroller": { fontFamily: "var(--font-mono)", lineHeight: "19px" },
  ".cm-gutters": { backgroundColor: "var(--sunken)", color: "var(--muted)", border: "none" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "color-mix(in oklab, var(--accent) 7%, transparent)" },
  ".cm-cursor": { borderLeftColor: "var(--text)" },
  "&.cm-focused .cm-selectionBackground, .cm-selectionBackground": { backgroundColor: "color-mix(in oklab, var(--accent) 28%, transparent) !important" },
  ".cm-tooltip": { backgroundColor: "var(--surface)", color: "var(--text)", border: "1px solid var(--border)", borderRadius: "6px", maxWidth: "28rem" },
  ".cm-tooltip-autocomplete > ul > li[aria-selected]": { backgroundColor: "var(--accent)", color: "var(--on-accent)" },
  ".cm-completionDetail": { color: "var(--muted)", fontStyle: "normal" },
  "li[aria-selected] .cm-completionDetail": { color: "inherit" },
  ".cm-variable, .cm-variable *": { color: "var(--human)" },
  ".cm-variable-unknown, .cm-variable-unknown *": { color: "var(--warn)" },
  ".cm-variable-unknown": { textDecoration: "underline wavy var(--warn)", textUnderlineOffset: "3px" },
  ".cm-diagnostic": { fontFamily: "var(--font-sans)" },
  ".cm-panels": { backgroundColor: "var(--sunken)", color: "var(--text)" },
  ".cm-foldPlaceholder": { backgroundColor: "var(--sunken)", borderColor: "var(--border)", color: "var(--muted)" },
});

const highlight = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: "var(--accent)" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--ok)" },
  { tag: [tags.number, tags.bool, tags.null, tags.atom], color: "var(--human)" },
  { tag: [tags.comment, tags.lineComment], color: "var(--muted)", fontStyle: "italic" },
  { tag: [tags.keyword, tags.typeName, tags.labelName], color: "var(--warn)" },
  { tag: tags.invalid, color: "var(--bad)" },
]);

/** YAML with numbers, marks of problems at their lines, and completion of keys and values. */
export default function YamlEditor({ ref, text, onChange, onSave, readOnly, problems, schema, known }: YamlEditorProps) {
  const place = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(null);
  // What was told and has not come back yet: it is the editor's own, and it may be ahead by then.
  const told = useRef<string[]>([]);
  const [marks] = useState(() => new Compartment());
  const latest = useRef({ onChange, onSave, schema, known });
  useEffect(() => {
    latest.current = { onChange, onSave, schema, known };
  });

  useEffect(() => {
    if (!place.current) return undefined;
    const made = new EditorView({
      parent: place.current,
      state: EditorState.create({
        doc: text,
        extensions: [
          EditorView.cspNonce.of(getNonce() ?? ""),
          EditorView.contentAttributes.of({ "aria-label": "YAML of the pipeline", tabindex: "0" }),
          EditorState.readOnly.of(readOnly),
          lineNumbers(), foldGutter(), lintGutter(), history(), drawSelection(), bracketMatching(), highlightActiveLine(),
          highlightActiveLineGutter(), highlightSelectionMatches(), search({ top: true }), indentUnit.of("  "), yaml(), theme,
          syntaxHighlighting(highlight), syntaxHighlighting(defaultHighlightStyle, { fallback: true }), EditorView.lineWrapping,
          marks.of(variableMarks(latest.current.known)),
          autocompletion({
            override: [(context) => variableCompletions(context, latest.current.known) ?? completions(context, latest.current.schema)],
            icons: false,
          }),
          hoverTooltip((editor, at) => explained(editor, at, latest.current.schema)),
          keymap.of([
            { key: "Mod-s", run: () => {
              latest.current.onSave();
              return true;
            } },
            { key: "Escape", run: (editor) => {
              editor.contentDOM.blur(); // so that Tab leads out of the editor
              return true;
            } },
            indentWithTab, ...defaultKeymap, ...historyKeymap, ...searchKeymap,
          ]),
          EditorView.updateListener.of((update) => {
            if (!update.docChanged) return;
            const written = update.state.doc.toString();
            told.current.push(written);
            latest.current.onChange(written);
          }),
        ],
      }),
    });
    view.current = made;
    return () => made.destroy();
    // The text is the editor's own from here on; another text comes in below.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [readOnly, marks]);

  useEffect(() => {
    const editor = view.current;
    const own = told.current.lastIndexOf(text);
    told.current.splice(0, own + 1);
    if (!editor || own >= 0 || editor.state.doc.toString() === text) return;
    editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: text } });
  }, [text]);

  useEffect(() => {
    const editor = view.current;
    if (editor) editor.dispatch(setDiagnostics(editor.state, diagnostics(editor.state, problems)));
  }, [problems, readOnly]);

  useEffect(() => {
    view.current?.dispatch({ effects: marks.reconfigure(variableMarks(known)) });
  }, [marks, known, readOnly]);

  useImperativeHandle(ref, () => ({
    goToLine: (line) => {
      const editor = view.current;
      if (!editor) return;
      const { from } = editor.state.doc.line(Math.min(Math.max(1, line), editor.state.doc.lines));
      editor.dispatch({ selection: { anchor: from }, effects: EditorView.scrollIntoView(from, { y: "center" }) });
      editor.focus();
    },
  }), []);
  return <div ref={place} className="h-full min-h-0 overflow-hidden" data-testid="yaml-editor" />;
}

function diagnostics(state: EditorState, problems: readonly Problem[]): Diagnostic[] {
  return problems.map((problem): Diagnostic => {
    const line = state.doc.line(Math.min(Math.max(1, problem.line), state.doc.lines));
    const start = line.from + (line.text.length - line.text.trimStart().length);
    return { from: Math.min(start, line.to), to: line.to, severity: problem.severity, message: `${problem.code}: ${problem.message}` };
  }).sort((a, b) => a.from - b.from);
}

function linesTo(state: EditorState, at: number): string[] {
  return state.doc.sliceString(0, at).split("\n");
}

function completions(context: CompletionContext, schema: Schema | undefined): CompletionResult | null {
  if (!schema) return null;
  const line = context.state.doc.lineAt(context.pos);
  const before = line.text.slice(0, context.pos - line.from);
  const word = context.matchBefore(/[A-Za-z0-9_]*/);
  if (!word || (word.from === word.to && !context.explicit)) return null;
  const lines = linesTo(context.state, context.pos);
  const path = mappingPath(lines);
  const key = keyBefore(before);
  const offers = key ? valueOffers(schema, path, key) : /^\s*(?:- +)*[A-Za-z0-9_]*$/.test(before) ? keyOffers(schema, path, siblings(context.state, line.number)) : [];
  return offers.length > 0 ? { from: word.from, options: offers.map(option), validFor: /^[A-Za-z0-9_]*$/ } : null;
}

const option = ({ label, detail, info, apply }: Offer) => ({ label, detail, apply, ...(info ? { info } : {}) });

/** Keys above in the same mapping: those of the same indent, up to where it begins. */
function siblings(state: EditorState, number: number): Set<string> {
  const keys = new Set<string>();
  const column = (text: string): number => /^[\s-]*/.exec(text)?.[0].length ?? 0;
  const own = column(state.doc.line(number).text);
  for (let at = number - 1; at >= 1; at -= 1) {
    const text = state.doc.line(at).text;
    if (text.trim() === "" || text.trim().startsWith("#")) continue;
    if (column(text) < own) break;
    const key = /^[\s-]*["']?([A-Za-z0-9_*.-]+)["']?\s*:/.exec(text)?.[1];
    if (column(text) === own && key) keys.add(key);
    if (column(text) === own && /^\s*-\s/.test(text)) break;
  }
  return keys;
}

function explained(editor: EditorView, at: number, schema: Schema | undefined) {
  const line = editor.state.doc.lineAt(at);
  const match = /^[\s-]*["']?([A-Za-z0-9_]+)["']?\s*:/.exec(line.text);
  const key = match?.[1];
  if (!schema || !key || at > line.from + match[0].length) return null;
  const text = schemaAt(schema, [...mappingPath(linesTo(editor.state, line.to)), key])?.description;
  if (!text) return null;
  return {
    pos: line.from + match[0].indexOf(key),
    end: line.from + match[0].length,
    create: () => {
      const dom = document.createElement("div");
      dom.className = "px-2 py-1 text-xs";
      dom.textContent = text;
      return { dom };
    },
  };
}
