import { queryOptions, useQuery } from "@tanstack/react-query";

import { api, ok } from "@/api/client";
import { useDecisions } from "@/hooks/use-decisions";
import { useFresh } from "@/hooks/use-fresh";
import { useSnoozed } from "@/hooks/use-snoozed";
import type { Frame } from "@/live/frames";

import type { NavItem } from "./nav";

export interface NavCount {
  count: number;
  /** What is counted: “5 open”. */
  word: string;
}

export type NavCounts = Partial<Record<NavItem["to"], NavCount>>;

const runningQuery = queryOptions({
  queryKey: ["runs", "running", "count"],
  queryFn: async ({ signal }) => {
    const page = await ok(api.GET("/v1/runs", { params: { query: { status: "running", limit: 1, count: true } }, signal }));
    return page.total ?? 0;
  },
});

const startsOrEnds = (frame: Frame): boolean => frame.type.startsWith("RUN_") || frame.type === "RUNS_BULK_DELETED";

/** The small numbers beside places of the navigation, live. */
export function useNavCounts(): NavCounts {
  const decisions = useDecisions();
  const { snoozed } = useSnoozed();
  const running = useQuery(runningQuery);
  useFresh("runs", (frame) => (startsOrEnds(frame) ? [runningQuery.queryKey] : []), [runningQuery.queryKey]);
  return {
    "/decisions": { count: (decisions.data ?? []).filter(({ id }) => !(id in snoozed)).length, word: "open" },
    "/runs": { count: running.data ?? 0, word: "running" },
  };
}
