import { z } from "zod";

import type { Decision } from "@/api/decisions";

export const decisionsSearch = z.object({
  kind: z.enum(["approval", "budget", "parked", "failure"]).optional().catch(undefined),
  agent: z.string().optional().catch(undefined),
  sort: z.enum(["oldest", "newest"]).optional().catch(undefined),
});
export type DecisionsSearch = z.infer<typeof decisionsSearch>;

export function chosen(decisions: readonly Decision[], search: DecisionsSearch): Decision[] {
  const found = decisions.filter(
    (each) =>
      (!search.kind || each.kind === search.kind) && (!search.agent || each.agent_id === search.agent),
  );
  return search.sort === "newest" ? found.reverse() : found;
}
