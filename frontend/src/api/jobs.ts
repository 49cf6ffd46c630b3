import { queryOptions } from "@tanstack/react-query";

import { api, ok, type Schemas } from "./client";

export type Job = Schemas["Job"];

export const jobKeys = { all: ["jobs"] as const };

export const isMoving = (job: Job): boolean => job.state === "waiting" || job.state === "running";

/** They have no topic: asked every other second while one is under way, more seldom when it takes long. */
export const jobsQuery = queryOptions({
  queryKey: jobKeys.all,
  queryFn: ({ signal }) => ok(api.GET("/v1/jobs", { signal })),
  refetchInterval: ({ state }) => {
    const moving = (state.data ?? []).filter(isMoving);
    if (moving.length === 0) return false;
    const youngest = Math.max(...moving.map((job) => Date.parse(job.created_at)));
    return Date.now() - youngest > 60_000 ? 10_000 : 2_000;
  },
});
