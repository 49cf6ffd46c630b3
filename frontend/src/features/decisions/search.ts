import { z } from "zod";

import type { DecisionRow } from "@/hooks/use-decisions";

export const decisionsSearch = z.object({
  kind: z.enum(["approval", "budget", "parked", "failure"]).optional().catch(undefined),
  agent: z.string().optional().catch(undefined),
  sort: z.enum(["oldest", "newest"]).optional().catch(undefined),
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
