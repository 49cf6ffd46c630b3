import { queryOptions } from "@tanstack/react-query";

import { allauth, pendingFlow } from "@/api/allauth";
import { api, ok } from "@/api/client";

/** How one gets in here. */
export const authStatusQuery = () =>
  queryOptions({
    queryKey: ["auth", "status"],
    queryFn: ({ signal }) => ok(api.GET("/v1/auth/status", { signal })),
    staleTime: 0,
  });

/** What the sign-in under way waits for. */
export const pendingQuery = () =>
  queryOptions({
    queryKey: ["auth", "pending"],
    queryFn: async () => pendingFlow(await allauth("GET", "/auth/session", undefined, [410])),
    staleTime: 0,
    gcTime: 0,
  });
