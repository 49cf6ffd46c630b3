import { queryOptions } from "@tanstack/react-query";

import { api, ok } from "@/api/client";
import { llmKeys } from "@/api/llm";

export const modelsOfQuery = (provider_id: string) =>
  queryOptions({
    queryKey: llmKeys.modelsOf(provider_id),
    queryFn: ({ signal }) =>
      ok(api.GET("/v1/llm/providers/{provider_id}/models", { params: { path: { provider_id } }, signal })),
  });

export const sharesQuery = (provider_id: string) =>
  queryOptions({
    queryKey: llmKeys.shares(provider_id),
    queryFn: ({ signal }) =>
      ok(api.GET("/v1/llm/providers/{provider_id}/shares", { params: { path: { provider_id } }, signal })),
  });

export const aliasesQuery = () =>
  queryOptions({
    queryKey: llmKeys.aliases,
    queryFn: ({ signal }) => ok(api.GET("/v1/llm/aliases", { signal })),
  });

export const llmSettingsQuery = () =>
  queryOptions({
    queryKey: llmKeys.settings,
    queryFn: ({ signal }) => ok(api.GET("/v1/llm/settings", { signal })),
  });
