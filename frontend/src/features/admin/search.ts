import { z } from "zod";

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
  action: z.string().optional().catch(undefined),
  result: z.enum(["ok", "refused"]).optional().catch(undefined),
  actor_id: z.string().optional().catch(undefined),
  object_id: z.string().optional().catch(undefined),
  /** Days, both within. */
  since: z.iso.date().optional().catch(undefined),
  until: z.iso.date().optional().catch(undefined),
  /** Of boxes: also those that have ended. */
  all: z.boolean().optional().catch(undefined),
  /** The box whose log is open. */
  box: z.number().optional().catch(undefined),
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
