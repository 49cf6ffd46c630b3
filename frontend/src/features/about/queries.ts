import { queryOptions } from "@tanstack/react-query";

import { api, ok } from "@/api/client";

const HEALTH_MS = 60_000; // there is no topic for it

export const statusQuery = queryOptions({
  queryKey: ["status"],
  queryFn: ({ signal }) => ok(api.GET("/v1/status", { signal })),
  refetchInterval: HEALTH_MS,
});
