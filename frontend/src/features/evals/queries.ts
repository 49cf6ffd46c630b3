import { infiniteQueryOptions, queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";

import { api, ok, type Schemas } from "@/api/client";
import { jobKeys } from "@/api/jobs";
import { byCursor, said } from "@/api/paging";

export const evalKeys = {
  all: ["evals"] as const,
  cases: ["evals", "cases"] as const,
  list: ["evals", "list"] as const,
  one: (id: string) => ["evals", "one", id] as const,
};

export const casesQuery = () =>
  queryOptions({
    queryKey: evalKeys.cases,
    queryFn: ({ signal }) => ok(api.GET("/v1/evals/cases", { signal })),
  });

export const evaluationsQuery = () =>
  infiniteQueryOptions({
    ...byCursor,
    queryKey: evalKeys.list,
    queryFn: ({ pageParam, signal }) =>
      ok(api.GET("/v1/evals", { params: { query: said({ cursor: pageParam }) }, signal })),
  });

export const evaluationQuery = (evaluation_id: string) =>
  queryOptions({
    queryKey: evalKeys.one(evaluation_id),
    queryFn: ({ signal }) =>
      ok(api.GET("/v1/evals/{evaluation_id}", { params: { path: { evaluation_id } }, signal })),
  });

function useFreshEvals() {
  const client = useQueryClient();
  return () =>
    Promise.all([evalKeys.all, jobKeys.all].map((queryKey) => client.invalidateQueries({ queryKey })));
}

export function useStartEvaluation() {
  const onSuccess = useFreshEvals();
  return useMutation({
    mutationFn: (body: Schemas["EvaluationStartRequest"]) => ok(api.POST("/v1/evals", { body })),
    onSuccess,
  });
}

export function useFreezeCase() {
  const onSuccess = useFreshEvals();
  return useMutation({
    mutationFn: (body: Schemas["CaseFreezeRequest"]) => ok(api.POST("/v1/evals/cases", { body })),
    onSuccess,
  });
}

export function useDeleteCase() {
  const onSuccess = useFreshEvals();
  return useMutation({
    mutationFn: (case_id: string) => ok(api.DELETE("/v1/evals/cases/{case_id}", { params: { path: { case_id } } })),
    onSuccess,
  });
}
