import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { markdown } from "@codemirror/lang-markdown";
import { yaml } from "@codemirror/lang-yaml";
import { syntaxHighlighting } from "@codemirror/language";
import { EditorState } from "@codemirror/state";
import { EditorView, keymap, lineNumbers } from "@codemirror/view";
import { getNonce } from "get-nonce";
import { useEffect, useRef } from "react";

import { colours, look } from "./look";

interface TextEditorProps {
  /** What is edited, for readers. */
  label: string;
  language: "markdown" | "yaml";
  /** The text to begin with. To begin anew with another text, give another `key`. */
  initial: string;
  readOnly?: boolean;
  onChange: (text: string) => void;
  /** `Mod-S`. */
  onSave?: () => void;
}

/** Plain text with colours. Esc, then Tab, leaves it. */
export function TextEditor({ label, language, initial, readOnly = false, onChange, onSave }: TextEditorProps) {
  const place = useRef<HTMLDivElement>(null);
  const latest = useRef({ onChange, onSave });
  useEffect(() => {
    latest.current = { onChange, onSave };
  });
  useEffect(() => {
    if (!place.current) return undefined;
    const view = new EditorView({
      parent: place.current,
      state: EditorState.create({
        doc: initial,
        extensions: [
          lineNumbers(),
          history(),
          EditorView.cspNonce.of(getNonce() ?? ""),
          EditorView.lineWrapping,
          EditorState.readOnly.of(readOnly),
          EditorView.contentAttributes.of({ "aria-label": label, tabindex: "0" }),
          language === "markdown" ? markdown() : yaml(),
          syntaxHighlighting(colours),
          look,
          keymap.of([
            { key: "Mod-s", preventDefault: true, run: () => (latest.current.onSave?.(), true) },
            { key: "Escape", run: (editor) => (editor.contentDOM.blur(), true) },
            indentWithTab,
            ...defaultKeymap,
            ...historyKeymap,
          ]),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) latest.current.onChange(update.state.doc.toString());
          }),
        ],
      }),
    });
    return () => view.destroy();
  }, [initial, label, language, readOnly]);
  return <div ref={place} className="h-[60vh] overflow-auto rounded-card border bg-surface" />;
}
