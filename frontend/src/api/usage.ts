import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";

import { api, ok, type Schemas } from "./client";
import { byCursor, said } from "./paging";
import type { paths } from "./schema.gen";

export type UsageRow = Schemas["UsageRow"];
export type LlmCall = Schemas["LlmCall"];
export type Budget = Schemas["Budget"];
export type BudgetStatus = Schemas["BudgetStatus"];
export type UsageAsk = NonNullable<paths["/v1/llm/usage"]["get"]["parameters"]["query"]>;
export type CallsAsk = NonNullable<paths["/v1/llm/calls"]["get"]["parameters"]["query"]>;

export const usageKeys = {
  all: ["usage"] as const,
  series: (ask: UsageAsk) => ["usage", "series", ask] as const,
  me: ["usage", "me"] as const,
  calls: (ask: CallsAsk) => ["usage", "calls", ask] as const,
  costs: ["usage", "costs"] as const,
};
export const budgetKeys = {
  all: ["budgets"] as const,
  list: ["budgets", "list"] as const,
  status: ["budgets", "status"] as const,
};

export const usageQuery = (ask: UsageAsk) =>
  queryOptions({
    queryKey: usageKeys.series(ask),
    queryFn: ({ signal }) => ok(api.GET("/v1/llm/usage", { params: { query: ask }, signal })),
  });

export const callsQuery = (ask: CallsAsk, limit = 50) =>
  infiniteQueryOptions({
    ...byCursor,
    queryKey: [...usageKeys.calls(ask), limit],
    queryFn: ({ pageParam, signal }) =>
      ok(
        api.GET("/v1/llm/calls", {
          params: { query: said({ ...ask, limit, cursor: pageParam }) },
          signal,
        }),
      ),
  });

export const budgetsQuery = () =>
  queryOptions({
    queryKey: budgetKeys.list,
    queryFn: ({ signal }) => ok(api.GET("/v1/llm/budgets", { signal })),
  });

export const budgetStatusQuery = () =>
  queryOptions({
    queryKey: budgetKeys.status,
    queryFn: ({ signal }) => ok(api.GET("/v1/llm/budgets/status", { signal })),
  });
