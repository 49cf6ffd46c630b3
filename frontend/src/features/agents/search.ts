import { z } from "zod";

export const agentsSearch = z.object({
  q: z.string().optional().catch(undefined),
  state: z.enum(["busy", "idle", "paused"]).optional().catch(undefined),
});

export const TABS = {
  overview: "Overview",
  persona: "Persona",
  config: "Config",
  tools: "Tools",
  queue: "Queue",
  timeline: "Timeline",
  sessions: "Sessions",
  sandbox: "Sandbox",
} as const;
export type AgentTab = keyof typeof TABS;

export const agentSearch = z.object({
  tab: z
    .enum(["overview", "persona", "config", "tools", "queue", "timeline", "sessions", "sandbox"])
    .optional()
    .catch(undefined),
  /** Of the persona tab. */
  file: z.string().optional().catch(undefined),
  /** Of the sandbox tab: a directory. */
  path: z.string().optional().catch(undefined),
});
