import { queryOptions, useQuery, useQueryClient } from "@tanstack/react-query";
import { useRef } from "react";

import { api, ok, type Schemas } from "@/api/client";
import { toneClass, type Tone } from "@/components/ui/badge";
import { Progress } from "@/components/ui/progress";
import { money } from "@/lib/format";
import { useTopic } from "@/live/use-topic";

const SETTLE_MS = 2_000; // calls come in bursts: one look for all of them

export const myUsageQuery = queryOptions({
  queryKey: ["usage", "me"],
  queryFn: ({ signal }) => ok(api.GET("/v1/usage/me", { signal })),
});

type Budget = Schemas["BudgetStatus"];

const TONES: Record<Budget["state"], Tone> = { ok: "accent", soft: "warn", hard: "bad" };

/** The budget that stands closest to its end, of those with a limit in dollars. */
const tightest = (budgets: Budget[]): Budget | undefined =>
  budgets
    .filter((budget) => budget.hard_usd !== null)
    .sort((a, b) => (b.percent ?? 0) - (a.percent ?? 0))[0];

/** What the caller's models cost today, against the tightest budget. */
export function SpendToday() {
  const client = useQueryClient();
  const { data } = useQuery(myUsageQuery);
  const soon = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useTopic("runs", (frame) => {
    if (!frame.type.startsWith("llm.call.") && !frame.type.startsWith("budget.")) return;
    soon.current ??= setTimeout(() => {
      soon.current = undefined;
      void client.invalidateQueries({ queryKey: myUsageQuery.queryKey });
    }, SETTLE_MS);
  });
  if (!data) return null;
  const today = data.today.reduce((sum, model) => sum + (model.cost_total ?? 0), 0);
  const budget = tightest(data.budgets);
  return (
    <div className="flex items-center gap-2 text-sm max-sm:hidden" title="What your models cost today">
      <span>
        <span className="sr-only">Spent today: </span>
        {money(today)}
        <span className="text-muted"> today</span>
      </span>
      {budget ? (
        <span className={`flex items-center gap-1.5 ${toneClass[TONES[budget.state]]}`}>
          <Progress
            className="w-16"
            tone={TONES[budget.state]}
            value={budget.spent_usd + budget.held_usd}
            of={budget.hard_usd ?? 0}
            label={`Budget of the ${budget.scope}: ${money(budget.spent_usd)} of ${money(budget.hard_usd)}`}
          />
        </span>
      ) : null}
    </div>
  );
}
