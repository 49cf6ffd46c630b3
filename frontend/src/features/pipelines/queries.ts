import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";

import { api, ok, type Schemas } from "@/api/client";
import { pipelineKeys } from "@/api/pipelines";

export type PipelineDetail = Schemas["Pipeline"];
export type Problem = Schemas["PipelineProblem"];

export const pipelineQuery = (id: string) =>
  queryOptions({
    queryKey: pipelineKeys.one(id),
    queryFn: ({ signal }) => ok(api.GET("/v1/pipelines/{pipeline_id}", { params: { path: { pipeline_id: id } }, signal })),
  });

export const pipelineGraphQuery = (id: string) =>
  queryOptions({
    queryKey: [...pipelineKeys.one(id), "graph"],
    queryFn: ({ signal }) =>
      ok(api.GET("/v1/pipelines/{pipeline_id}/graph", { params: { path: { pipeline_id: id } }, signal })),
  });

export const fetchRaw = (id: string, signal?: AbortSignal) =>
  ok(api.GET("/v1/pipelines/{pipeline_id}/raw", { params: { path: { pipeline_id: id } }, signal }));

export const pipelineRawQuery = (id: string) =>
  queryOptions({ queryKey: [...pipelineKeys.one(id), "raw"], queryFn: ({ signal }) => fetchRaw(id, signal) });

export type Version = Schemas["PipelineVersion"];

/** What it said before, newest first. */
export const versionsQuery = (id: string) =>
  queryOptions({
    queryKey: [...pipelineKeys.one(id), "versions"],
    queryFn: ({ signal }) =>
      ok(api.GET("/v1/pipelines/{pipeline_id}/versions", { params: { path: { pipeline_id: id } }, signal })),
  });

export const versionQuery = (id: string, version: number) =>
  queryOptions({
    queryKey: [...pipelineKeys.one(id), "versions", version],
    queryFn: ({ signal }) =>
      ok(api.GET("/v1/pipelines/{pipeline_id}/versions/{version_id}", {
        params: { path: { pipeline_id: id, version_id: version } }, signal,
      })),
    staleTime: Infinity,
  });

export const pipelineSchemaQuery = () =>
  queryOptions({
    queryKey: [...pipelineKeys.all, "schema"],
    queryFn: ({ signal }) => ok(api.GET("/v1/pipeline-schema", { signal })),
    staleTime: Infinity,
  });

/** What accepted work has cost, a pipeline. */
export const pipelineCostsQuery = () =>
  queryOptions({
    queryKey: ["runs", "costs"],
    queryFn: ({ signal }) => ok(api.GET("/v1/runs/costs", { signal })),
  });

export const pipelineRunsQuery = (id: string) =>
  queryOptions({
    queryKey: ["runs", "list", "of-pipeline", id],
    queryFn: ({ signal }) => ok(api.GET("/v1/runs", { params: { query: { pipeline_id: id, limit: 50 } }, signal })),
  });

export const validateText = (text: string, signal?: AbortSignal) =>
  ok(api.POST("/v1/pipelines/validate", { body: { yaml_content: text }, signal }));

export type Rehearsal = Schemas["PipelineRehearsal"];

/** Walk a text that is not saved. `results`: by step, what each of its visits gives. */
export const useRehearsal = () =>
  useMutation({
    mutationFn: (body: { yaml_content: string; task?: string; results?: Record<string, string[]> }) =>
      ok(api.POST("/v1/pipelines/rehearse", { body })),
  });

interface Save {
  id: string;
  text: string;
  /** The version that was read; null: it must not be there yet. */
  version: string | null;
}

export function useSavePipeline() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ id, text, version }: Save) =>
      ok(api.PUT("/v1/pipelines/{pipeline_id}", {
        params: { path: { pipeline_id: id }, header: version === null ? { "If-None-Match": "*" } : { "If-Match": `"${version}"` } },
        body: { yaml_content: text },
      })),
    onSuccess: () => client.invalidateQueries({ queryKey: pipelineKeys.all }),
  });
}

export function useDeletePipeline() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ id, version }: { id: string; version: string }) =>
      ok(api.DELETE("/v1/pipelines/{pipeline_id}", {
        params: { path: { pipeline_id: id }, header: { "If-Match": `"${version}"` } },
      })),
    onSuccess: () => client.invalidateQueries({ queryKey: pipelineKeys.all }),
  });
}
