import type { Execution, RunDetail } from "./queries";
import { currentExecutions } from "./states";

export interface Pair {
  /** “BUILD”, and “BUILD, visit 2, try 3” where there are more. */
  key: string;
  left: Execution | undefined;
  right: Execution | undefined;
  /** Another state, another result, or only one of them went here. */
  differs: boolean;
}

const keyOf = (row: Execution): string =>
  [row.step_id, row.visit > 1 ? `visit ${row.visit}` : "", row.attempt > 1 ? `try ${row.attempt}` : ""].filter(Boolean).join(", ");

/** The attempts of two runs, those of the first in order, then what only the second has. */
export function pathsSideBySide(left: RunDetail, right: RunDetail): Pair[] {
  const rights = new Map(currentExecutions(right).map((row) => [keyOf(row), row]));
  const lefts = new Map(currentExecutions(left).map((row) => [keyOf(row), row]));
  return [...new Set([...lefts.keys(), ...rights.keys()])].map((key) => {
    const [one, other] = [lefts.get(key), rights.get(key)];
    return { key, left: one, right: other, differs: one?.status !== other?.status || one?.result_key !== other?.result_key };
  });
}
