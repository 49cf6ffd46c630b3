import * as z from "zod/mini";

import type { DecisionRow } from "@/hooks/use-decisions";
import { optional } from "@/lib/search";

export const decisionsSearch = z.object({
  kind: optional(z.enum(["approval", "budget", "parked", "failure"])),
  agent: optional(z.string()),
  sort: optional(z.enum(["oldest", "newest"])),
});
export type DecisionsSearch = z.infer<typeof decisionsSearch>;

/** Those that fit, in the order that is wanted; `all` stand oldest first. */
export function chosen(all: readonly DecisionRow[], search: DecisionsSearch): DecisionRow[] {
  const found = all.filter(
    ({ decision }) =>
      (!search.kind || decision.kind === search.kind) && (!search.agent || decision.agent_id === search.agent),
  );
  return search.sort === "newest" ? found.reverse() : found;
}
