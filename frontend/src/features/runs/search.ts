// What stands in the address of the pages of runs. What is not known is dropped.

import * as z from "zod/mini";

import { optional } from "@/lib/search";

const word = optional(z.string().check(z.minLength(1), z.maxLength(200)));

export const runListSearch = z.object({
  status: optional(z.enum(["running", "waiting_human", "paused", "pending", "completed", "failed", "cancelled", "terminal"])),
  kind: optional(z.enum(["pipeline", "executor", "approach", "planning", "resolve", "import"])),
  pipeline: word,
  agent: word,
  q: word,
  since: optional(z.enum(["1h", "24h", "7d", "30d"])),
  sort: optional(z.enum(["-created_at", "created_at", "-updated_at", "updated_at"])),
  /** The dialog that starts a run is open. */
  new: optional(z.boolean()),
});
export type RunListSearch = z.infer<typeof runListSearch>;

export const runSearch = z.object({
  step: word,
  visit: optional(z.int().check(z.gte(1))),
  kind: optional(z.enum(["text", "tools", "problems", "thinking"])),
  thinking: optional(z.boolean()),
  tab: optional(z.enum(["changes", "timeline", "checks", "outputs", "cost", "calls", "files", "container", "details"])),
  /** Changes shown: of a commit; empty, of the whole run. */
  commit: optional(z.string().check(z.regex(/^[0-9a-f]{0,64}$/))),
  /** Of a link to an event: the output begins there. */
  event: optional(z.int().check(z.gte(1))),
  /** Time travel: the run as it was when this event had come. */
  at: optional(z.int().check(z.gte(1))),
  steps: optional(z.literal("list")),
  /** On narrow screens one part at a time. */
  view: optional(z.enum(["output", "steps", "side"])),
});
export type RunSearch = z.infer<typeof runSearch>;

export const compareSearch = z.object({ a: z.catch(z.string().check(z.maxLength(64)), ""), b: z.catch(z.string().check(z.maxLength(64)), "") });
