import * as z from "zod/mini";

import { optional } from "@/lib/search";

export const SOURCES = {
  pipeline: "Pipeline steps",
  chat: "Chats",
  pulse: "Pulses",
  wake: "Wakes",
  executor: "Executors",
  api: "API",
} as const;
export const STATUSES = {
  starting: "Starting",
  running: "Running",
  completed: "Completed",
  failed: "Failed",
  stopped: "Stopped",
} as const;

export const activitySearch = z.object({
  agent_id: optional(z.string()),
  source: optional(z.enum(["pipeline", "chat", "pulse", "wake", "executor", "api"])),
  status: optional(z.enum(["starting", "running", "completed", "failed", "stopped"])),
});

export const sessionSearch = z.object({
  tab: optional(z.enum(["transcript", "prompt", "calls", "boxes", "network", "events"])),
  kind: optional(z.enum(["text", "tools", "problems", "thinking"])),
  thinking: optional(z.boolean()),
  /** Of a link to an event. */
  event: optional(z.int().check(z.gte(1))),
});
export type SessionSearch = z.infer<typeof sessionSearch>;
