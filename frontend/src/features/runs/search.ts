// What stands in the address of the pages of runs. What is not known is dropped.

import { z } from "zod";

const word = z.string().min(1).max(200).optional().catch(undefined);

export const runListSearch = z.object({
  status: z.enum(["running", "waiting_human", "paused", "pending", "completed", "failed", "cancelled", "terminal"]).optional().catch(undefined),
  kind: z.enum(["pipeline", "executor", "approach", "planning", "resolve", "import"]).optional().catch(undefined),
  pipeline: word,
  agent: word,
  q: word,
  since: z.enum(["1h", "24h", "7d", "30d"]).optional().catch(undefined),
  sort: z.enum(["-created_at", "created_at", "-updated_at", "updated_at"]).optional().catch(undefined),
  /** The dialog that starts a run is open. */
  new: z.boolean().optional().catch(undefined),
});
export type RunListSearch = z.infer<typeof runListSearch>;

export const runSearch = z.object({
  step: word,
  visit: z.number().int().min(1).optional().catch(undefined),
  kind: z.enum(["text", "tools", "problems", "thinking"]).optional().catch(undefined),
  thinking: z.boolean().optional().catch(undefined),
  tab: z.enum(["changes", "timeline", "checks", "outputs", "cost", "calls", "files", "container", "details"]).optional().catch(undefined),
  /** Changes shown: of a commit; empty, of the whole run. */
  commit: z.string().regex(/^[0-9a-f]{0,64}$/).optional().catch(undefined),
  /** Of a link to an event: the output begins there. */
  event: z.number().int().min(1).optional().catch(undefined),
  steps: z.literal("list").optional().catch(undefined),
  /** On narrow screens one part at a time. */
  view: z.enum(["output", "steps", "side"]).optional().catch(undefined),
});
export type RunSearch = z.infer<typeof runSearch>;

export const compareSearch = z.object({ a: z.string().max(64).catch(""), b: z.string().max(64).catch("") });
