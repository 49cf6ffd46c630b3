import { queryOptions } from "@tanstack/react-query";

import { api, ok, type Schemas } from "./client";

export type Provider = Schemas["Provider"];
export type Model = Schemas["Model"];

export const llmKeys = {
  all: ["llm"] as const,
  providers: ["llm", "providers"] as const,
  models: ["llm", "models"] as const,
  modelsOf: (provider: string) => ["llm", "models", provider] as const,
  settings: ["llm", "settings"] as const,
  aliases: ["llm", "aliases"] as const,
  shares: (provider: string) => ["llm", "shares", provider] as const,
};

export const providersQuery = () =>
  queryOptions({
    queryKey: llmKeys.providers,
    queryFn: ({ signal }) => ok(api.GET("/v1/llm/providers", { signal })),
  });

/** Models that the caller may use. */
export const modelsQuery = () =>
  queryOptions({
    queryKey: llmKeys.models,
    queryFn: ({ signal }) => ok(api.GET("/v1/llm/models", { signal })),
    staleTime: 5 * 60_000,
  });
