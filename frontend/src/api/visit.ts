import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";

import { api, ok } from "./client";

const AGAIN_MS = 5 * 60_000;

/** Since when things are new to this person. Asking also says that they are here. */
export const visitQuery = queryOptions({
  queryKey: ["visit"],
  queryFn: () => ok(api.POST("/v1/auth/visit", { body: {} })),
  refetchInterval: AGAIN_MS,
  staleTime: AGAIN_MS,
});

/** What was new has been looked at. */
export function useSeen() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => ok(api.POST("/v1/auth/visit", { body: { seen: true } })),
    onSuccess: (visit) => client.setQueryData(visitQuery.queryKey, visit),
  });
}
