import * as z from "zod/mini";

import type { DecisionRow } from "@/hooks/use-decisions";
import { optional } from "@/lib/search";

/** How old it may be, in hours. */
export const AGES = { "1h": 1, "24h": 24, "7d": 7 * 24 } as const;

export const decisionsSearch = z.object({
  kind: optional(z.enum(["approval", "budget", "parked", "failure"])),
  agent: optional(z.string()),
  project: optional(z.string()),
  age: optional(z.enum(["1h", "24h", "7d"])),
  sort: optional(z.enum(["oldest", "newest"])),
  /** Those that the person has put off. */
  later: optional(z.boolean()),
});
export type DecisionsSearch = z.infer<typeof decisionsSearch>;

/** Those that fit, in the order that is wanted; `all` stand oldest first. */
export function chosen(
  all: readonly DecisionRow[],
  search: DecisionsSearch,
  snoozed: Readonly<Record<string, string>> = {},
  now = Date.now(),
): DecisionRow[] {
  const since = search.age ? now - AGES[search.age] * 3_600_000 : 0;
  const found = all.filter(
    ({ decision, answer }) =>
      (!search.kind || decision.kind === search.kind) &&
      (!search.agent || decision.agent_id === search.agent) &&
      (!search.project || decision.project_id === search.project) &&
      (since === 0 || Date.parse(decision.created_at) >= since) &&
      (answer !== null || decision.id in snoozed === Boolean(search.later)),
  );
  return search.sort === "newest" ? found.reverse() : found;
}
