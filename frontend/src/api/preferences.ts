import { useMutation, useQueryClient } from "@tanstack/react-query";
import * as z from "zod/mini";

import { optional } from "@/lib/search";
import { failed } from "@/lib/toast";

import { api, ok } from "./client";
import { meQuery, useMe, type Me } from "./me";

// What a person has chosen, kept with their account. What is not known is dropped.
const preferences = z.object({
  theme: optional(z.enum(["system", "light", "dark"])),
  density: optional(z.enum(["compact", "comfortable"])),
  /** The navigation at the left shows icons only. */
  narrow_rail: optional(z.boolean()),
  /** Letters alone do nothing (WCAG 2.1.4). */
  single_keys_off: optional(z.boolean()),
  /** Keys of one's own in the places of ours: {"g h": "g x"}. */
  keys: optional(z.record(z.string(), z.string())),
  /** Decisions for later, each with when it comes back. */
  snoozed: optional(z.record(z.string(), z.string())),
  /** The list of first steps was put away. */
  first_day_done: optional(z.boolean()),
});
export type Preferences = z.infer<typeof preferences>;
/** Null forgets one. */
export type PreferenceChange = { [Name in keyof Preferences]?: Preferences[Name] | null };

export const preferencesOf = (me: Me): Preferences => preferences.parse(me.preferences);

export const usePreferences = (): Preferences => preferencesOf(useMe());

/** Changes them here at once, and at the server. A refusal is told, and the old ones come back. */
export function useSetPreferences() {
  const client = useQueryClient();
  const { mutate } = useMutation({
    mutationFn: (change: PreferenceChange) =>
      ok(api.PATCH("/v1/auth/me", { body: { preferences: change } })),
    onMutate: async (change) => {
      await client.cancelQueries({ queryKey: meQuery.queryKey });
      client.setQueryData(meQuery.queryKey, (me) => me && { ...me, preferences: { ...me.preferences, ...change } });
    },
    onError: async (error) => {
      failed("Your preference was not kept", error);
      await client.invalidateQueries({ queryKey: meQuery.queryKey });
    },
  });
  return mutate;
}
