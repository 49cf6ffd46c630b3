import { queryOptions } from "@tanstack/react-query";

import { api, ok, type Schemas } from "./client";

export type Status = Schemas["Status"];

export const systemKeys = { status: ["system", "status"] as const };

/** Health has no topic: asked once a minute. For administrators. */
export const statusQuery = () =>
  queryOptions({
    queryKey: systemKeys.status,
    queryFn: ({ signal }) => ok(api.GET("/v1/status", { signal })),
    refetchInterval: 60_000,
  });
