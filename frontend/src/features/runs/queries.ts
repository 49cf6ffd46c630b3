import { infiniteQueryOptions, keepPreviousData, type QueryClient, queryOptions } from "@tanstack/react-query";

import { api, ok, type Schemas } from "@/api/client";
import { byCursor, said } from "@/api/paging";
import type { SearchEverywhere } from "@/components/transcript/everywhere";
import type { EventPage } from "@/components/transcript/use-transcript";

export type Run = Schemas["RunListed"];
export type RunDetail = Schemas["RunDetail"];
export type Execution = Schemas["Execution"];
export type RunGraph = Schemas["RunGraph"];
export type Commit = Schemas["Commit"];
export type Diff = Schemas["Diff"];

export interface RunFilters {
  status?: Schemas["RunStatusEnum"] | "terminal";
  kind?: Schemas["RunKindEnum"];
  pipeline_id?: string;
  project_id?: string;
  agent_id?: string;
  task_id?: string;
  search?: string;
  since?: string;
  sort?: "-created_at" | "created_at" | "-updated_at" | "updated_at";
}

export const runKeys = {
  all: ["runs"] as const,
  lists: () => [...runKeys.all, "list"] as const,
  list: (filters: RunFilters) => [...runKeys.lists(), filters] as const,
  one: (id: string) => [...runKeys.all, "one", id] as const,
  graph: (id: string) => [...runKeys.one(id), "graph"] as const,
  checks: (id: string, step: string, visit: number, attempt: number) =>
    [...runKeys.one(id), "checks", step, visit, attempt] as const,
  workspace: (id: string) => [...runKeys.one(id), "workspace"] as const,
};

/** Read a run anew, not its files: they change when a step ends, and are not there while they are made. */
export async function refreshRun(client: QueryClient, id: string): Promise<void> {
  await Promise.all([
    client.invalidateQueries({ queryKey: runKeys.one(id), exact: true }),
    client.invalidateQueries({ queryKey: runKeys.graph(id) }),
    client.invalidateQueries({ queryKey: [...runKeys.one(id), "density"] }),
  ]);
}

export const PAGE_ROWS = 100;
/** Events with which a run is opened; the rest comes on the way back. */
export const TAIL_EVENTS = 500;
const OLDER_EVENTS = 1000;

export const runListQuery = (filters: RunFilters) =>
  infiniteQueryOptions({
    ...byCursor,
    queryKey: runKeys.list(filters),
    queryFn: ({ pageParam, signal }) =>
      ok(api.GET("/v1/runs", {
        params: { query: said({ ...filters, cursor: pageParam, limit: PAGE_ROWS, count: pageParam === "" }) }, signal,
      })),
    placeholderData: keepPreviousData,
  });

export const runQuery = (id: string) =>
  queryOptions({
    queryKey: runKeys.one(id),
    queryFn: ({ signal }) => ok(api.GET("/v1/runs/{run_id}", { params: { path: { run_id: id } }, signal })),
  });

export const runGraphQuery = (id: string) =>
  queryOptions({
    queryKey: runKeys.graph(id),
    queryFn: ({ signal }) => ok(api.GET("/v1/runs/{run_id}/graph", { params: { path: { run_id: id } }, signal })),
    placeholderData: keepPreviousData,
  });

export async function fetchEvents(id: string, before: string | null, signal?: AbortSignal): Promise<EventPage> {
  const query = { tail: true, limit: before ? OLDER_EVENTS : TAIL_EVENTS, before: before ? Number(before) : undefined };
  const { items, next, prev } = await ok(api.GET("/v1/runs/{run_id}/logs", { params: { path: { run_id: id }, query }, signal }));
  return { items, next, isBeginning: !prev };
}

/** All that the run wrote, at the server. */
export const wholeOf = (id: string): { id: string; search: SearchEverywhere; address: string } => ({
  id,
  address: `/v1/runs/${encodeURIComponent(id)}/transcript`,
  search: (q, after, signal) =>
    ok(api.GET("/v1/runs/{run_id}/search", { params: { path: { run_id: id }, query: { q, after } }, signal })),
});

export type Density = Schemas["Density"];

/** How much happened when. */
export const densityQuery = (id: string) =>
  queryOptions({
    queryKey: [...runKeys.one(id), "density"],
    queryFn: ({ signal }) => ok(api.GET("/v1/runs/{run_id}/density", { params: { path: { run_id: id } }, signal })),
    placeholderData: keepPreviousData,
  });

export const checksQuery = (id: string, step: string, visit: number, attempt: number) =>
  queryOptions({
    queryKey: runKeys.checks(id, step, visit, attempt),
    queryFn: ({ signal }) =>
      ok(api.GET("/v1/runs/{run_id}/steps/{step_id}/checks", {
        params: { path: { run_id: id, step_id: step }, query: { visit, attempt } }, signal,
      })),
  });

export const commitsQuery = (id: string) =>
  queryOptions({
    queryKey: [...runKeys.workspace(id), "commits"],
    queryFn: ({ signal }) =>
      ok(api.GET("/v1/workspaces/{run_id}/git/history", {
        params: { path: { run_id: id }, query: { own: true, limit: 200 } }, signal,
      })),
  });

export const gitStatusQuery = (id: string) =>
  queryOptions({
    queryKey: [...runKeys.workspace(id), "status"],
    queryFn: ({ signal }) =>
      ok(api.GET("/v1/workspaces/{run_id}/git/status", { params: { path: { run_id: id } }, signal })),
  });

/** The difference that one commit made; without one, that of the whole run. */
export const diffQuery = (id: string, commit: string) =>
  queryOptions({
    queryKey: [...runKeys.workspace(id), "diff", commit],
    queryFn: ({ signal }) =>
      commit
        ? ok(api.GET("/v1/workspaces/{run_id}/git/diff/{commit}", { params: { path: { run_id: id, commit } }, signal }))
        : ok(api.GET("/v1/workspaces/{run_id}/git/diff", { params: { path: { run_id: id } }, signal })),
  });

export const filesQuery = (id: string) =>
  queryOptions({
    queryKey: [...runKeys.workspace(id), "files"],
    queryFn: ({ signal }) => ok(api.GET("/v1/workspaces/{run_id}", { params: { path: { run_id: id } }, signal })),
  });

export const fileQuery = (id: string, path: string) =>
  queryOptions({
    queryKey: [...runKeys.workspace(id), "file", path],
    queryFn: ({ signal }) =>
      ok(api.GET("/v1/workspaces/{run_id}/{path}", { params: { path: { run_id: id, path } }, signal })),
  });

export const fileHistoryQuery = (id: string, path: string) =>
  queryOptions({
    queryKey: [...runKeys.workspace(id), "file-history", path],
    queryFn: ({ signal }) =>
      ok(api.GET("/v1/workspaces/{run_id}/git/file-history/{path}", {
        params: { path: { run_id: id, path }, query: { limit: 50 } }, signal,
      })),
  });

export const forecastQuery = (pipelineId: string, model: string) =>
  queryOptions({
    queryKey: [...runKeys.all, "forecast", pipelineId, model],
    enabled: pipelineId !== "",
    queryFn: ({ signal }) =>
      ok(api.POST("/v1/runs/forecast", {
        body: { pipeline_id: pipelineId, ...(model ? { model_override: model } : {}) }, signal,
      })),
  });
