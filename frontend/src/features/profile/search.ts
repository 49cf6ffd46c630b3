import * as z from "zod/mini";

import { optional } from "@/lib/search";

export const SECTIONS = {
  info: "About you",
  security: "Security",
  sessions: "Sessions",
  keys: "API keys",
  preferences: "Preferences",
} as const;
export type ProfileSection = keyof typeof SECTIONS;

export const isSection = (name: string): name is ProfileSection => Object.hasOwn(SECTIONS, name);

/** Back from an identity provider: which one was to be connected, and a code when it was not. */
export const profileSearch = z.object({
  connect: optional(z.string()),
  error: optional(z.string()),
});
