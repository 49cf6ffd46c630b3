import { useEffect, useState } from "react";

import { type Known, NOTHING_KNOWN } from "./editor/variables";
import { type Problem, validateText } from "./queries";

const SETTLE_MS = 400;

export interface Checked {
  problems: readonly Problem[];
  valid: boolean;
  /** What its templates may name: of the last text that could be read. */
  known: Known;
  /** The text that this is about is the one on the page. */
  isCurrent: boolean;
  error: unknown;
}

/** What the server says about a text that is not saved, a moment after the last stroke. */
export function useChecked(text: string): Checked {
  const [checked, setChecked] = useState<Omit<Checked, "isCurrent"> & { text: string | null }>({ problems: [], valid: false, known: NOTHING_KNOWN, error: null, text: null });
  useEffect(() => {
    const controller = new AbortController();
    const timer = setTimeout(() => {
      validateText(text, controller.signal).then(
        (answer) => setChecked((before) => ({
          problems: answer.problems, valid: answer.valid, error: null, text,
          known: answer.variables.length > 0 ? { variables: answer.variables, prefixes: answer.variable_prefixes } : before.known,
        })),
        (error: unknown) => {
          if (!controller.signal.aborted) setChecked((before) => ({ ...before, error, text }));
        },
      );
    }, SETTLE_MS);
    return () => {
      clearTimeout(timer);
      controller.abort();
    };
  }, [text]);
  return { ...checked, isCurrent: checked.text === text };
}
