import { z } from "zod";

export const inboxSearch = z.object({
  unread: z.boolean().optional().catch(undefined),
  kind: z.string().optional().catch(undefined),
});

export const SECTIONS = {
  rules: "Rules",
  webhooks: "Webhooks",
  announce: "Announce",
} as const;
export type NotificationSection = keyof typeof SECTIONS;

export const isSection = (name: string): name is NotificationSection => Object.hasOwn(SECTIONS, name);
