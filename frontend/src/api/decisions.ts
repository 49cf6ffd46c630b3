import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";

import { api, ok, type Schemas } from "./client";

export type Decision = Schemas["Decision"];

export const decisionKeys = { all: ["decisions"] as const };

/** What waits for the person who looks, oldest first. */
export const decisionsQuery = () =>
  queryOptions({
    queryKey: decisionKeys.all,
    queryFn: ({ signal }) => ok(api.GET("/v1/decisions", { signal })),
  });

interface Answer {
  runId: string;
  approvalId: string;
  decision: "approve" | "reject";
  comment: string;
}

/** Answer an approval. Refused with 409 when somebody was first: then the list is read anew too. */
export function useDecide() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ runId, approvalId, decision, comment }: Answer) =>
      ok(
        api.POST("/v1/runs/{run_id}/approvals/{approval_id}", {
          params: { path: { run_id: runId, approval_id: approvalId } },
          body: { decision, comment },
        }),
      ),
    onSettled: () =>
      Promise.all([
        client.invalidateQueries({ queryKey: decisionKeys.all }),
        client.invalidateQueries({ queryKey: ["runs"] }),
      ]),
  });
}
