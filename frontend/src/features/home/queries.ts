import { queryOptions } from "@tanstack/react-query";

import { api, ok } from "@/api/client";

/** Every run that still moves. */
export const movingRunsQuery = () =>
  queryOptions({
    queryKey: ["runs", "moving"],
    queryFn: async ({ signal }) => {
      const ask = (status: "running" | "pending" | "paused") =>
        ok(api.GET("/v1/runs", { params: { query: { status, limit: 50 } }, signal }));
      const pages = await Promise.all([ask("running"), ask("pending"), ask("paused")]);
      return pages.flatMap((page) => page.items);
    },
  });

/** What has ended since then, with how many there are. */
export const endedRunsQuery = (ended_since: string) =>
  queryOptions({
    queryKey: ["runs", "ended", ended_since],
    queryFn: ({ signal }) =>
      ok(
        api.GET("/v1/runs", {
          params: { query: { status: "terminal", ended_since, limit: 50, count: true, sort: "-updated_at" } },
          signal,
        }),
      ),
  });

/** What agents did last. */
export const newestSessionsQuery = () =>
  queryOptions({
    queryKey: ["sessions", "newest"],
    queryFn: ({ signal }) => ok(api.GET("/v1/sessions", { params: { query: { limit: 8 } }, signal })),
  });

/** The newest runs of any state: whether there ever was one, and what ended lately. */
export const newestRunsQuery = () =>
  queryOptions({
    queryKey: ["runs", "newest"],
    queryFn: ({ signal }) => ok(api.GET("/v1/runs", { params: { query: { limit: 10 } }, signal })),
  });
