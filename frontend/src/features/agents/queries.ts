import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";

import { agentKeys } from "@/api/agents";
import { api, ok } from "@/api/client";
import { byCursor, said } from "@/api/paging";

const path = (agent_id: string) => ({ path: { agent_id } });

export const agentQuery = (id: string) =>
  queryOptions({
    queryKey: agentKeys.one(id),
    queryFn: ({ signal }) => ok(api.GET("/v1/agents/{agent_id}", { params: path(id), signal })),
  });

export const lifecycleQuery = (id: string) =>
  queryOptions({
    queryKey: [...agentKeys.one(id), "lifecycle"],
    queryFn: ({ signal }) => ok(api.GET("/v1/agents/{agent_id}/lifecycle", { params: path(id), signal })),
  });

export const agentStatsQuery = (id: string) =>
  queryOptions({
    queryKey: [...agentKeys.one(id), "stats"],
    queryFn: ({ signal }) => ok(api.GET("/v1/agents/{agent_id}/activity/stats", { params: path(id), signal })),
  });

export const timelineQuery = (id: string) =>
  queryOptions({
    queryKey: [...agentKeys.one(id), "timeline"],
    queryFn: ({ signal }) =>
      ok(api.GET("/v1/agents/{agent_id}/activity", { params: { ...path(id), query: { limit: 200 } }, signal })),
  });

export const queueQuery = (id: string) =>
  queryOptions({
    queryKey: [...agentKeys.one(id), "queue"],
    queryFn: ({ signal }) => ok(api.GET("/v1/agents/{agent_id}/queue", { params: path(id), signal })),
  });

export const configQuery = (id: string) =>
  queryOptions({
    queryKey: [...agentKeys.one(id), "config"],
    queryFn: ({ signal }) => ok(api.GET("/v1/agents/{agent_id}/config", { params: path(id), signal })),
  });

export const versionsQuery = (id: string, name: string) =>
  queryOptions({
    queryKey: [...agentKeys.one(id), "versions", name],
    queryFn: ({ signal }) =>
      ok(
        api.GET("/v1/agents/{agent_id}/files/{name}/versions", {
          params: { path: { agent_id: id, name } },
          signal,
        }),
      ),
  });

export const toolsQuery = (id: string) =>
  queryOptions({
    queryKey: [...agentKeys.one(id), "tools"],
    queryFn: async ({ signal }) => {
      const [overrides, disabled] = await Promise.all([
        ok(api.GET("/v1/agents/{agent_id}/tools/overrides", { params: path(id), signal })),
        ok(api.GET("/v1/agents/{agent_id}/tools/disabled", { params: path(id), signal })),
      ]);
      return { overrides, disabled: disabled.tools };
    },
  });

export const sandboxQuery = (id: string) =>
  queryOptions({
    queryKey: [...agentKeys.one(id), "sandbox"],
    queryFn: ({ signal }) => ok(api.GET("/v1/agents/{agent_id}/sandbox", { params: path(id), signal })),
  });

export const treeQuery = (id: string, directory: string) =>
  infiniteQueryOptions({
    ...byCursor,
    queryKey: [...agentKeys.one(id), "tree", directory],
    queryFn: ({ pageParam, signal }) =>
      ok(
        api.GET("/v1/agents/{agent_id}/sandbox/tree", {
          params: { ...path(id), query: said({ path: directory, after: pageParam }) },
          signal,
        }),
      ),
  });

export const sandboxFileQuery = (id: string, file: string) =>
  queryOptions({
    queryKey: [...agentKeys.one(id), "file", file],
    queryFn: ({ signal }) =>
      ok(
        api.GET("/v1/agents/{agent_id}/sandbox/file", {
          params: { ...path(id), query: { path: file } },
          signal,
        }),
      ),
  });
