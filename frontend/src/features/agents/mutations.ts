import { useMutation, useQueryClient } from "@tanstack/react-query";

import { agentKeys } from "@/api/agents";
import { api, ok, type Schemas } from "@/api/client";

const path = (agent_id: string) => ({ path: { agent_id } });

/** All of one agent's queries, and the lists. */
function useFreshAgent() {
  const client = useQueryClient();
  return () => client.invalidateQueries({ queryKey: agentKeys.all });
}

export function useSaveFile(id: string, name: string) {
  const onSettled = useFreshAgent();
  return useMutation({
    mutationFn: (body: Schemas["AgentFileWriteRequest"]) =>
      ok(api.PUT("/v1/agents/{agent_id}/files/{name}", { params: { path: { agent_id: id, name } }, body })),
    onSettled,
  });
}

export function useRevertFile(id: string, name: string) {
  const onSuccess = useFreshAgent();
  return useMutation({
    mutationFn: (body: Schemas["AgentFileRevertRequest"]) =>
      ok(
        api.POST("/v1/agents/{agent_id}/files/{name}/revert", {
          params: { path: { agent_id: id, name } },
          body,
        }),
      ),
    onSuccess,
  });
}

export function useSaveConfig(id: string) {
  const onSuccess = useFreshAgent();
  return useMutation({
    mutationFn: (body: Schemas["AgentConfigWriteRequest"]) =>
      ok(api.PUT("/v1/agents/{agent_id}/config", { params: path(id), body })),
    onSuccess,
  });
}

export function useSetTool(id: string) {
  const onSettled = useFreshAgent();
  return useMutation({
    mutationFn: (item: Schemas["ToolOverrideItemRequest"]) =>
      ok(
        api.PUT("/v1/agents/{agent_id}/tools/overrides", {
          params: path(id),
          body: { overrides: [item] },
        }),
      ),
    onSettled,
  });
}

export function useForgetTool(id: string) {
  const onSettled = useFreshAgent();
  return useMutation({
    mutationFn: (tool_name: string) =>
      ok(
        api.DELETE("/v1/agents/{agent_id}/tools/overrides/{tool_name}", {
          params: { path: { agent_id: id, tool_name } },
        }),
      ),
    onSettled,
  });
}

export function usePauseAgent(id: string) {
  const onSettled = useFreshAgent();
  return useMutation({
    mutationFn: (reason: string) =>
      ok(api.POST("/v1/agents/{agent_id}/pause", { params: path(id), body: { reason } })),
    onSettled,
  });
}

export function useResumeAgent(id: string) {
  const onSettled = useFreshAgent();
  return useMutation({
    mutationFn: () => ok(api.POST("/v1/agents/{agent_id}/resume", { params: path(id) })),
    onSettled,
  });
}

export function useCancelQueued(id: string) {
  const onSettled = useFreshAgent();
  return useMutation({
    mutationFn: (item_id: number) =>
      ok(api.POST("/v1/agents/{agent_id}/queue/cancel", { params: path(id), body: { item_id } })),
    onSettled,
  });
}

export function useResetSandbox(id: string) {
  const onSettled = useFreshAgent();
  return useMutation({
    mutationFn: () => ok(api.POST("/v1/agents/{agent_id}/sandbox/reset", { params: path(id) })),
    onSettled,
  });
}

export function useCreateAgent() {
  const onSuccess = useFreshAgent();
  return useMutation({
    mutationFn: (body: Schemas["AgentCreateRequest"]) => ok(api.POST("/v1/agents", { body })),
    onSuccess,
  });
}
