import { infiniteQueryOptions, useMutation, useQueryClient } from "@tanstack/react-query";

import { api, ok, type Schemas } from "@/api/client";
import { byCursor, said } from "@/api/paging";

import { adminKeys } from "./queries";

export type Waiting = Schemas["WaitlistEntry"];

const KEY = ["admin", "waitlist"] as const;

export const waitlistQuery = () =>
  infiniteQueryOptions({
    ...byCursor,
    queryKey: KEY,
    queryFn: ({ pageParam, signal }) => ok(api.GET("/v1/waitlist", { params: { query: said({ cursor: pageParam }) }, signal })),
  });

function useFreshWaitlist() {
  const client = useQueryClient();
  return () =>
    Promise.all([client.invalidateQueries({ queryKey: KEY }), client.invalidateQueries({ queryKey: adminKeys.invites })]);
}

export function useInviteWaiting() {
  const onSettled = useFreshWaitlist();
  return useMutation({
    mutationFn: (entry_id: string) => ok(api.POST("/v1/waitlist/{entry_id}/invite", { params: { path: { entry_id } } })),
    onSettled,
    gcTime: 0, // its link does not stay in the cache
  });
}

export function useInviteMany() {
  const onSettled = useFreshWaitlist();
  return useMutation({
    mutationFn: (ids: string[]) => ok(api.POST("/v1/waitlist/invite-bulk", { body: { ids } })),
    onSettled,
    gcTime: 0, // as above
  });
}

export function useDropWaiting() {
  const onSettled = useFreshWaitlist();
  return useMutation({
    mutationFn: (entry_id: string) => ok(api.DELETE("/v1/waitlist/{entry_id}", { params: { path: { entry_id } } })),
    onSettled,
  });
}
