import { infiniteQueryOptions, queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";

import { api, ok, type Schemas } from "@/api/client";
import { byCursor, said } from "@/api/paging";

export type Secret = Schemas["Secret"];

export const secretKeys = { all: ["secrets"] as const, list: ["secrets", "list"] as const };

export const secretsQuery = () =>
  queryOptions({
    queryKey: secretKeys.list,
    queryFn: ({ signal }) => ok(api.GET("/v1/secrets", { signal })),
  });

/** Who used it, when, and who was refused. */
export const accessQuery = (secret_id: string) =>
  infiniteQueryOptions({
    ...byCursor,
    queryKey: [...secretKeys.all, "access", secret_id],
    queryFn: ({ pageParam, signal }) =>
      ok(
        api.GET("/v1/secrets/{secret_id}/access", {
          params: { path: { secret_id }, query: said({ cursor: pageParam }) },
          signal,
        }),
      ),
  });

function useFreshSecrets() {
  const client = useQueryClient();
  return () => client.invalidateQueries({ queryKey: secretKeys.all });
}

export function useCreateSecret() {
  const onSuccess = useFreshSecrets();
  return useMutation({
    mutationFn: (body: Schemas["SecretCreateRequest"]) => ok(api.POST("/v1/secrets", { body })),
    onSuccess,
    gcTime: 0, // a value does not stay in the cache
  });
}

export function useChangeSecret() {
  const onSuccess = useFreshSecrets();
  return useMutation({
    mutationFn: ({ id, ...body }: { id: string } & Schemas["PatchedSecretPatchRequest"]) =>
      ok(api.PATCH("/v1/secrets/{secret_id}", { params: { path: { secret_id: id } }, body })),
    onSuccess,
    gcTime: 0, // a value does not stay in the cache
  });
}

export function useDeleteSecret() {
  const onSuccess = useFreshSecrets();
  return useMutation({
    mutationFn: (secret_id: string) =>
      ok(api.DELETE("/v1/secrets/{secret_id}", { params: { path: { secret_id } } })),
    onSuccess,
  });
}

export function useGrant(secret_id: string) {
  const onSettled = useFreshSecrets();
  return useMutation({
    mutationFn: (agent_id: string) =>
      ok(
        api.POST("/v1/secrets/{secret_id}/grant/{agent_id}", {
          params: { path: { secret_id, agent_id } },
          body: {},
        }),
      ),
    onSettled,
  });
}

export function useRevokeGrant(secret_id: string) {
  const onSettled = useFreshSecrets();
  return useMutation({
    mutationFn: (agent_id: string) =>
      ok(
        api.DELETE("/v1/secrets/{secret_id}/grant/{agent_id}", {
          params: { path: { secret_id, agent_id } },
        }),
      ),
    onSettled,
  });
}
