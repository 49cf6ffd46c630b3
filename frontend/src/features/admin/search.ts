import { z } from "zod";

export const SECTIONS = {
  health: "Health",
  users: "People",
  invites: "Invites",
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
  /** Of boxes: also those that have ended. */
  all: z.boolean().optional().catch(undefined),
  /** The box whose log is open. */
  box: z.number().optional().catch(undefined),
});
