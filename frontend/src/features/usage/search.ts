import * as z from "zod/mini";

import { optional } from "@/lib/search";

export const RANGES = { "24h": "Last 24 hours", "7d": "Last 7 days", "30d": "Last 30 days", "90d": "Last 90 days" } as const;
export type Range = keyof typeof RANGES;
export const GROUPS = {
  model: "Model",
  agent: "Agent",
  provider: "Provider",
  user: "Person",
  project: "Project",
  kind: "Kind of work",
  key_source: "Key",
} as const;
export type Group = keyof typeof GROUPS;
export const MEASURES = { cost: "Cost", tokens: "Tokens", calls: "Calls" } as const;

const keys = <T extends Record<string, string>>(of: T) => Object.keys(of) as (keyof T & string)[];

export const usageSearch = z.object({
  range: optional(z.enum(keys(RANGES))),
  group: optional(z.enum(keys(GROUPS))),
  show: optional(z.enum(keys(MEASURES))),
});

export const callsSearch = z.object({
  status: optional(z.enum(["started", "completed", "failed"])),
  agent_id: optional(z.string()),
  provider: optional(z.string()),
  model: optional(z.string()),
  user_id: optional(z.string()),
  project_id: optional(z.string()),
  kind: optional(z.string()),
  run_id: optional(z.string()),
  session_id: optional(z.string()),
  /** The call whose details are open. */
  call: optional(z.string()),
});

const HOURS: Record<Range, number> = { "24h": 24, "7d": 7 * 24, "30d": 30 * 24, "90d": 90 * 24 };

/** When the range begins, cut to the hour or day, so that the same question is asked for a while. */
export function sinceOf(range: Range, now: Date): Date {
  const hours = HOURS[range];
  const at = new Date(now.getTime() - hours * 3_600_000);
  at.setUTCMinutes(0, 0, 0);
  if (hours > 24) at.setUTCHours(0);
  return at;
}

export const bucketFor = (range: Range): "hour" | "day" => (range === "24h" ? "hour" : "day");
