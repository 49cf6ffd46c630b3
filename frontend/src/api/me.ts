import { queryOptions, useQuery, useSuspenseQuery } from "@tanstack/react-query";

import { api, ok, type Schemas } from "./client";

export type Me = Schemas["Me"];

/** Who is signed in. Raises a 401 `Problem` when nobody is. */
export const meQuery = queryOptions({
  queryKey: ["me"],
  queryFn: ({ signal }) => ok(api.GET("/v1/auth/me", { signal })),
  staleTime: 60_000,
});

/** Who is signed in, below the shell: it is there already. */
export const useMe = (): Me => useSuspenseQuery(meQuery).data;

/** The same for a place that may be shown to nobody. */
export const useMaybeMe = (): Me | null => useQuery(meQuery).data ?? null;

/** Whether somebody may do more than look. */
export const mayWrite = (me: Me): boolean => me.role !== "viewer";

/** Why a control is closed for this person, or null. Give it to `Button`'s `refusal`. */
export function refusal(me: Me, needs: "member" | "admin"): string | null {
  if (needs === "admin" && !me.is_admin) return "Only an administrator may do this.";
  if (!mayWrite(me)) return "You may look, and change nothing: your role is viewer.";
  return null;
}
