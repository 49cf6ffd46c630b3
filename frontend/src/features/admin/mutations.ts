import { useMutation, useQueryClient, type QueryKey } from "@tanstack/react-query";

import { api, ok, type Schemas } from "@/api/client";

import { adminKeys } from "./queries";

function useStale(queryKey: QueryKey) {
  const client = useQueryClient();
  return () => client.invalidateQueries({ queryKey });
}

export function useInvite() {
  const onSuccess = useStale(adminKeys.invites);
  return useMutation({
    mutationFn: (body: Schemas["InviteCreateRequest"]) => ok(api.POST("/v1/auth/invites", { body })),
    onSuccess,
  });
}

export function useRevokeInvite() {
  const onSuccess = useStale(adminKeys.invites);
  return useMutation({
    mutationFn: (invite_id: string) =>
      ok(api.DELETE("/v1/auth/invites/{invite_id}", { params: { path: { invite_id } } })),
    onSuccess,
  });
}

export function useChangeUser() {
  const onSettled = useStale(adminKeys.users);
  return useMutation({
    mutationFn: ({ id, ...body }: { id: string } & Schemas["PatchedUserChangeRequest"]) =>
      ok(api.PATCH("/v1/admin/users/{user_id}", { params: { path: { user_id: id } }, body })),
    onSettled,
  });
}

export function useEraseUser() {
  const onSettled = useStale(adminKeys.users);
  return useMutation({
    mutationFn: (user_id: string) => ok(api.DELETE("/v1/admin/users/{user_id}", { params: { path: { user_id } } })),
    onSettled,
  });
}

export function useResetFactor() {
  const onSettled = useStale(adminKeys.users);
  return useMutation({
    mutationFn: (user_id: string) =>
      ok(api.POST("/v1/admin/users/{user_id}/reset-second-factor", { params: { path: { user_id } } })),
    onSettled,
  });
}

export function useCreateServiceKey() {
  const onSuccess = useStale(adminKeys.keys);
  return useMutation({
    mutationFn: (body: Schemas["ServiceKeyCreateRequest"]) => ok(api.POST("/v1/auth/service-keys", { body })),
    onSuccess,
  });
}

export function useCreateAgentKey() {
  const onSuccess = useStale(adminKeys.keys);
  return useMutation({
    mutationFn: (body: Schemas["AgentKeyCreateRequest"]) => ok(api.POST("/v1/auth/agent-keys", { body })),
    onSuccess,
  });
}

export function useRevokeKey() {
  const onSuccess = useStale(adminKeys.keys);
  return useMutation({
    mutationFn: ({ id, kind }: { id: string; kind: "service" | "agent" }) => {
      const params = { path: { key_id: id } };
      return kind === "agent"
        ? ok(api.DELETE("/v1/auth/agent-keys/{key_id}", { params }))
        : ok(api.DELETE("/v1/auth/service-keys/{key_id}", { params }));
    },
    onSuccess,
  });
}

export function useStopContainer() {
  const onSettled = useStale(adminKeys.containers);
  return useMutation({
    mutationFn: (container_id: number) =>
      ok(api.POST("/v1/containers/{container_id}/stop", { params: { path: { container_id } } })),
    onSettled,
  });
}

export function useMeasureStorage() {
  return useMutation({ mutationFn: () => ok(api.POST("/v1/storage/measure")) });
}
