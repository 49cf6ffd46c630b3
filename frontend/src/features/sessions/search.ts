import { z } from "zod";

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
  agent_id: z.string().optional().catch(undefined),
  source: z.enum(["pipeline", "chat", "pulse", "wake", "executor", "api"]).optional().catch(undefined),
  status: z.enum(["starting", "running", "completed", "failed", "stopped"]).optional().catch(undefined),
});

export const sessionSearch = z.object({
  tab: z.enum(["transcript", "prompt", "calls", "boxes", "network", "events"]).optional().catch(undefined),
  kind: z.enum(["text", "tools", "problems", "thinking"]).optional().catch(undefined),
  thinking: z.boolean().optional().catch(undefined),
  /** Of a link to an event. */
  event: z.number().int().min(1).optional().catch(undefined),
});
export type SessionSearch = z.infer<typeof sessionSearch>;
