import * as z from "zod/mini";

import { optional } from "@/lib/search";

export const agentsSearch = z.object({
  q: optional(z.string()),
  state: optional(z.enum(["busy", "idle", "paused"])),
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
  tab: optional(z.enum(["overview", "persona", "config", "tools", "queue", "timeline", "sessions", "sandbox"])),
  /** Of the persona tab. */
  file: optional(z.string()),
  /** Of the sandbox tab: a directory. */
  path: optional(z.string()),
});
