import { queryOptions } from "@tanstack/react-query";

import { allauth, pendingFlow } from "@/api/allauth";
import { api, ok } from "@/api/client";

/** What the sign-in under way waits for. */
export const pendingQuery = () =>
  queryOptions({
    queryKey: ["auth", "pending"],
    queryFn: async () => pendingFlow(await allauth("GET", "/auth/session", undefined, [410])),
    staleTime: 0,
    gcTime: 0,
  });

/** The program that waits with a code. */
export const deviceQuery = (code: string) =>
  queryOptions({
    queryKey: ["auth", "device", code],
    queryFn: ({ signal }) => ok(api.GET("/v1/auth/device/{code}", { params: { path: { code } }, signal })),
    retry: false,
    staleTime: Infinity,
  });
