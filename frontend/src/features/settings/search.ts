import * as z from "zod/mini";

import { optional } from "@/lib/search";

export const SECTIONS = { providers: "Providers", models: "Models and fallbacks", secrets: "Secrets" } as const;
export type SettingsSection = keyof typeof SECTIONS;

export const isSection = (name: string): name is SettingsSection => Object.hasOwn(SECTIONS, name);

export const settingsSearch = z.object({
  /** The provider whose details are open. */
  provider: optional(z.string()),
});
