import { queryOptions } from "@tanstack/react-query";

import { allauth, pendingFlow } from "@/api/allauth";

/** What the sign-in under way waits for. */
export const pendingQuery = () =>
  queryOptions({
    queryKey: ["auth", "pending"],
    queryFn: async () => pendingFlow(await allauth("GET", "/auth/session", undefined, [410])),
    staleTime: 0,
    gcTime: 0,
  });
