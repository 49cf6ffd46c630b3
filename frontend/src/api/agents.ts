import { queryOptions } from "@tanstack/react-query";

import { api, ok, type Schemas } from "./client";

export type Agent = Schemas["Agent"];
export type AgentStanding = Schemas["AgentStanding"];

export const agentKeys = {
  all: ["agents"] as const,
  list: ["agents", "list"] as const,
  status: ["agents", "status"] as const,
  one: (id: string) => ["agents", "one", id] as const,
};

export const agentsQuery = () =>
  queryOptions({
    queryKey: agentKeys.list,
    queryFn: ({ signal }) => ok(api.GET("/v1/agents", { signal })),
  });

/** Who is busy, with counts over the whole team. */
export const teamQuery = () =>
  queryOptions({
    queryKey: agentKeys.status,
    queryFn: ({ signal }) => ok(api.GET("/v1/agents/status", { signal })),
  });
