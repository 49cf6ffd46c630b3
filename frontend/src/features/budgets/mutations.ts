import { useMutation, useQueryClient } from "@tanstack/react-query";

import { api, ok, type Schemas } from "@/api/client";
import { budgetKeys, type Budget } from "@/api/usage";

function useFreshBudgets() {
  const client = useQueryClient();
  return () => client.invalidateQueries({ queryKey: budgetKeys.all });
}

export function useCreateBudget() {
  const onSettled = useFreshBudgets();
  return useMutation({
    mutationFn: (body: Schemas["BudgetRequest"]) => ok(api.POST("/v1/llm/budgets", { body })),
    onSettled,
  });
}

export function useChangeBudget() {
  const onSettled = useFreshBudgets();
  return useMutation({
    mutationFn: ({ budget, change }: { budget: Budget; change: Schemas["PatchedBudgetChangeRequest"] }) =>
      ok(
        api.PATCH("/v1/llm/budgets/{budget_id}", {
          params: { path: { budget_id: budget.id } },
          body: { ...change, version: budget.version },
        }),
      ),
    onSettled,
  });
}

export function useDeleteBudget() {
  const onSettled = useFreshBudgets();
  return useMutation({
    mutationFn: (id: string) =>
      ok(api.DELETE("/v1/llm/budgets/{budget_id}", { params: { path: { budget_id: id } } })),
    onSettled,
  });
}
