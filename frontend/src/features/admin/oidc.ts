import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";

import { api, ok, type Schemas } from "@/api/client";

export type OidcProvider = Schemas["OidcProvider"];
export type OidcCheck = Schemas["OidcCheck"];

const KEY = ["admin", "oidc"] as const;

export const oidcQuery = () =>
  queryOptions({
    queryKey: KEY,
    queryFn: ({ signal }) => ok(api.GET("/v1/auth/oidc-providers", { signal })),
  });

function useFreshOidc() {
  const client = useQueryClient();
  return () => client.invalidateQueries({ queryKey: KEY });
}

const path = (provider_id: string) => ({ path: { provider_id } });

export function useCreateOidc() {
  const onSuccess = useFreshOidc();
  return useMutation({
    mutationFn: (body: Schemas["OidcProviderCreateRequest"]) => ok(api.POST("/v1/auth/oidc-providers", { body })),
    onSuccess,
    gcTime: 0, // its secret does not stay in the cache
  });
}

export function useChangeOidc() {
  const onSettled = useFreshOidc();
  return useMutation({
    mutationFn: ({ id, ...body }: { id: string } & Schemas["PatchedOidcProviderChangeRequest"]) =>
      ok(api.PATCH("/v1/auth/oidc-providers/{provider_id}", { params: path(id), body })),
    onSettled,
    gcTime: 0, // as above
  });
}

export function useDeleteOidc() {
  const onSettled = useFreshOidc();
  return useMutation({
    mutationFn: (id: string) => ok(api.DELETE("/v1/auth/oidc-providers/{provider_id}", { params: path(id) })),
    onSettled,
  });
}

export function useTestOidc() {
  const onSettled = useFreshOidc();
  return useMutation({
    mutationFn: (id: string) => ok(api.POST("/v1/auth/oidc-providers/{provider_id}/test", { params: path(id) })),
    onSettled,
  });
}
