import { useMutation, useQueryClient } from "@tanstack/react-query";

import { api, ok, type Schemas } from "@/api/client";

import { refreshRun, runKeys } from "./queries";

/** A change of one run. What the server says of it afterwards is fetched anew. */
function useRunChange<Body>(id: string, change: (body: Body) => Promise<unknown>) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: change,
    onSettled: () => Promise.all([
      refreshRun(client, id),
      client.invalidateQueries({ queryKey: runKeys.lists() }),
    ]),
  });
}

const path = (id: string) => ({ params: { path: { run_id: id } } });

export const stopRun = (id: string, reason = "") =>
  ok(api.POST("/v1/runs/{run_id}/cancel", { ...path(id), body: { reason } }));

export const deleteRun = (id: string) => ok(api.DELETE("/v1/runs/{run_id}", path(id)));

export const restartRun = (id: string, body: Schemas["RunRestartRequest"]) =>
  ok(api.POST("/v1/runs/{run_id}/restart", { ...path(id), body }));

export const useStopRun = (id: string) => useRunChange(id, ({ reason }: { reason: string }) => stopRun(id, reason));

export const usePauseRun = (id: string) =>
  useRunChange(id, (body: Schemas["PauseRequest"]) => ok(api.POST("/v1/runs/{run_id}/pause", { ...path(id), body })));

export const useResumeRun = (id: string) =>
  useRunChange(id, () => ok(api.POST("/v1/runs/{run_id}/resume", path(id))));

export const useRestartRun = (id: string) =>
  useRunChange(id, (body: Schemas["RunRestartRequest"]) => restartRun(id, body));

export const useFinalizeRun = (id: string) =>
  useRunChange(id, () => ok(api.POST("/v1/runs/{run_id}/finalize", path(id))));

export const useDeleteRun = (id: string) => {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => deleteRun(id),
    onSuccess: () => client.invalidateQueries({ queryKey: runKeys.lists() }),
  });
};

const stepPath = (id: string, step: string) => ({ params: { path: { run_id: id, step_id: step } } });

export const useRestartStep = (id: string) =>
  useRunChange(id, ({ step, ...body }: Schemas["StepRestartRequest"] & { step: string }) =>
    ok(api.POST("/v1/runs/{run_id}/steps/{step_id}/restart", { ...stepPath(id, step), body })));

export const useSteerStep = (id: string) =>
  useRunChange(id, ({ step, context }: { step: string; context: string }) =>
    ok(api.POST("/v1/runs/{run_id}/steps/{step_id}/inject", { ...stepPath(id, step), body: { context } })));

export const useDecide = (id: string) =>
  useRunChange(id, ({ approval, ...body }: Schemas["ApprovalDecideRequest"] & { approval: string }) =>
    ok(api.POST("/v1/runs/{run_id}/approvals/{approval_id}", {
      params: { path: { run_id: id, approval_id: approval } }, body,
    })));

export const useForkRun = (id: string) =>
  useRunChange(id, (body: Schemas["ForkRequest"]) => ok(api.POST("/v1/runs/{run_id}/fork", { ...path(id), body })));

export function useCreateRun() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: Schemas["RunCreateRequest"]) => ok(api.POST("/v1/runs", { body })),
    onSuccess: () => client.invalidateQueries({ queryKey: runKeys.lists() }),
  });
}
