import { queryOptions } from "@tanstack/react-query";

import { api, ok } from "./client";

/** How one gets in here. */
export const authStatusQuery = () =>
  queryOptions({
    queryKey: ["auth", "status"],
    queryFn: ({ signal }) => ok(api.GET("/v1/auth/status", { signal })),
    staleTime: 0,
  });
