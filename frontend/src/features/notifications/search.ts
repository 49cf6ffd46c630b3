import * as z from "zod/mini";

import { optional } from "@/lib/search";

export const inboxSearch = z.object({
  unread: optional(z.boolean()),
  kind: optional(z.string()),
});

export const SECTIONS = {
  rules: "Rules",
  webhooks: "Webhooks",
  announce: "Announce",
} as const;
export type NotificationSection = keyof typeof SECTIONS;

export const isSection = (name: string): name is NotificationSection => Object.hasOwn(SECTIONS, name);
