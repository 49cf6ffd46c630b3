import { queryOptions } from "@tanstack/react-query";

import { api, ok } from "@/api/client";
import { usageKeys } from "@/api/usage";

/** What a completed run of each pipeline costs, failed tries included. */
export const acceptedCostQuery = () =>
  queryOptions({
    queryKey: usageKeys.costs,
    queryFn: ({ signal }) => ok(api.GET("/v1/runs/costs", { signal })),
  });

/** Runs that ended lately, with what was foretold for each. */
export const endedRunsQuery = () =>
  queryOptions({
    queryKey: ["runs", "ended"],
    queryFn: ({ signal }) =>
      ok(api.GET("/v1/runs", { params: { query: { status: "terminal", limit: 100 } }, signal })),
  });
