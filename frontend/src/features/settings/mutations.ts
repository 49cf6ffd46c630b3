import { useMutation, useQueryClient } from "@tanstack/react-query";

import { api, ok, type Schemas } from "@/api/client";
import { llmKeys } from "@/api/llm";

export type KeyScope = "instance" | "me";

function useFreshModels() {
  const client = useQueryClient();
  return () => client.invalidateQueries({ queryKey: llmKeys.all });
}

interface KeyInput {
  id: string;
  scope: KeyScope;
  body: Schemas["KeyWriteRequest"];
}

export function usePutKey() {
  const onSettled = useFreshModels();
  return useMutation({
    mutationFn: ({ id, scope, body }: KeyInput) =>
      ok(
        api.PUT("/v1/llm/providers/{provider_id}/key", {
          params: { path: { provider_id: id }, query: { scope } },
          body,
        }),
      ),
    onSettled,
    gcTime: 0, // a key does not stay in the cache
  });
}

export function useRemoveKey() {
  const onSettled = useFreshModels();
  return useMutation({
    mutationFn: ({ id, scope }: Omit<KeyInput, "body">) =>
      ok(
        api.DELETE("/v1/llm/providers/{provider_id}/key", {
          params: { path: { provider_id: id }, query: { scope } },
        }),
      ),
    onSettled,
  });
}

export function useTestProvider(id: string) {
  const onSettled = useFreshModels();
  return useMutation({
    mutationFn: (model: string) =>
      ok(
        api.POST("/v1/llm/providers/{provider_id}/test", {
          params: { path: { provider_id: id } },
          body: model ? { model } : {},
        }),
      ),
    onSettled,
  });
}

export function useChangeProvider(id: string) {
  const onSettled = useFreshModels();
  return useMutation({
    mutationFn: (body: Schemas["PatchedProviderPatchRequest"]) =>
      ok(api.PATCH("/v1/llm/providers/{provider_id}", { params: { path: { provider_id: id } }, body })),
    onSettled,
  });
}

export function useCreateProvider() {
  const onSuccess = useFreshModels();
  return useMutation({
    mutationFn: (body: Schemas["ProviderCreateRequest"]) => ok(api.POST("/v1/llm/providers", { body })),
    onSuccess,
  });
}

export function useDeleteProvider() {
  const onSuccess = useFreshModels();
  return useMutation({
    mutationFn: (provider_id: string) =>
      ok(api.DELETE("/v1/llm/providers/{provider_id}", { params: { path: { provider_id } } })),
    onSuccess,
  });
}

export function useShare(id: string) {
  const onSettled = useFreshModels();
  return useMutation({
    mutationFn: (body: Schemas["ShareRequest"]) =>
      ok(api.POST("/v1/llm/providers/{provider_id}/shares", { params: { path: { provider_id: id } }, body })),
    onSettled,
  });
}

export function useEndShare(id: string) {
  const onSettled = useFreshModels();
  return useMutation({
    mutationFn: (share_id: number) =>
      ok(
        api.DELETE("/v1/llm/providers/{provider_id}/shares/{share_id}", {
          params: { path: { provider_id: id, share_id: String(share_id) } },
        }),
      ),
    onSettled,
  });
}

export function usePutAlias() {
  const onSuccess = useFreshModels();
  return useMutation({
    mutationFn: ({ name, body }: { name: string; body: Schemas["AliasWriteRequest"] }) =>
      ok(api.PUT("/v1/llm/aliases/{name}", { params: { path: { name } }, body })),
    onSuccess,
  });
}

export function useDeleteAlias() {
  const onSuccess = useFreshModels();
  return useMutation({
    mutationFn: (name: string) => ok(api.DELETE("/v1/llm/aliases/{name}", { params: { path: { name } } })),
    onSuccess,
  });
}

export function useChangeLlmSettings() {
  const onSuccess = useFreshModels();
  return useMutation({
    mutationFn: (body: Schemas["PatchedLlmSettingsRequest"]) => ok(api.PATCH("/v1/llm/settings", { body })),
    onSuccess,
  });
}
