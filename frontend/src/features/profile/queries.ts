import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";

import { api, ok, type Schemas } from "@/api/client";
import { meQuery } from "@/api/me";

export const profileKeys = {
  sessions: ["profile", "sessions"] as const,
  keys: ["profile", "keys"] as const,
};

export const browserSessionsQuery = () =>
  queryOptions({
    queryKey: profileKeys.sessions,
    queryFn: ({ signal }) => ok(api.GET("/v1/auth/sessions", { signal })),
  });

export const ownKeysQuery = () =>
  queryOptions({
    queryKey: profileKeys.keys,
    queryFn: ({ signal }) => ok(api.GET("/v1/auth/api-keys", { signal })),
  });

export function useChangeProfile() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: Schemas["PatchedProfileChangeRequest"]) => ok(api.PATCH("/v1/auth/me", { body })),
    onSuccess: (me) => client.setQueryData(meQuery.queryKey, me),
  });
}

/** End one session; null: all but this one. */
export function useEndSession() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (id: number | null) =>
      id === null
        ? ok(api.DELETE("/v1/auth/sessions"))
        : ok(api.DELETE("/v1/auth/sessions/{session_id}", { params: { path: { session_id: String(id) } } })),
    onSettled: () => client.invalidateQueries({ queryKey: profileKeys.sessions }),
  });
}

export function useCreateKey() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: Schemas["ApiKeyCreateRequest"]) => ok(api.POST("/v1/auth/api-keys", { body })),
    onSuccess: () => client.invalidateQueries({ queryKey: profileKeys.keys }),
  });
}

interface KeyChange {
  keyId: string;
  /** What is left out stays as it is. */
  body: Schemas["PatchedApiKeyChangeRequest"];
}

export function useChangeKey() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ keyId, body }: KeyChange) =>
      ok(api.PATCH("/v1/auth/api-keys/{key_id}", { params: { path: { key_id: keyId } }, body })),
    onSuccess: () => client.invalidateQueries({ queryKey: profileKeys.keys }),
  });
}

export function useRevokeOwnKey() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (key_id: string) => ok(api.DELETE("/v1/auth/api-keys/{key_id}", { params: { path: { key_id } } })),
    onSuccess: () => client.invalidateQueries({ queryKey: profileKeys.keys }),
  });
}
