import * as z from "zod/mini";

import { optional } from "@/lib/search";

import type { AuditAsk } from "./queries";

export const SECTIONS = {
  health: "Health",
  workers: "Workers",
  users: "People",
  invites: "Invites",
  waitlist: "Waitlist",
  oidc: "Identity providers",
  keys: "Keys",
  audit: "Audit log",
  containers: "Boxes",
  storage: "Storage",
} as const;
export type AdminSection = keyof typeof SECTIONS;

export const isSection = (name: string): name is AdminSection => Object.hasOwn(SECTIONS, name);

export const adminSearch = z.object({
  /** Of the audit log. */
  action: optional(z.string()),
  result: optional(z.enum(["ok", "refused"])),
  actor_id: optional(z.string()),
  object_id: optional(z.string()),
  /** Days, both within. */
  since: optional(z.iso.date()),
  until: optional(z.iso.date()),
  /** Of boxes: also those that have ended. */
  all: optional(z.boolean()),
  /** The box whose log is open. */
  box: optional(z.number()),
});

interface AuditFilter extends Omit<AuditAsk, "at__gte" | "at__lt"> {
  since?: string | undefined;
  until?: string | undefined;
}

/** Days of the person who looks as the API's times: the last day is within. */
export function auditAsk({ since, until, ...rest }: AuditFilter): AuditAsk {
  const ask: AuditAsk = { ...rest };
  if (since) ask.at__gte = new Date(`${since}T00:00`).toISOString();
  if (until) {
    const end = new Date(`${until}T00:00`);
    end.setDate(end.getDate() + 1);
    ask.at__lt = end.toISOString();
  }
  return ask;
}
