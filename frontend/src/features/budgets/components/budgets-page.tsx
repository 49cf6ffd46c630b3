import { useQuery } from "@tanstack/react-query";
import { Plus, Wallet } from "lucide-react";
import { useState } from "react";

import { refusal, useMe } from "@/api/me";
import { budgetKeys, budgetsQuery, budgetStatusQuery, type Budget, type BudgetStatus } from "@/api/usage";
import { BudgetBar } from "@/components/budget-bar";
import { ListTable, type Column } from "@/components/data-table";
import { Loaded } from "@/components/loaded";
import { RowAction } from "@/components/row-action";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Confirm } from "@/components/ui/confirm";
import { EmptyState } from "@/components/ui/empty-state";
import { Card, Page, PageHeader, Section } from "@/components/ui/page-header";
import { UsageNav } from "@/components/usage/usage-nav";
import { useFresh } from "@/hooks/use-fresh";
import { count, money } from "@/lib/format";

import { useDeleteBudget } from "../mutations";
import { ACTIONS, BudgetForm, SCOPES, WINDOWS } from "./budget-form";

const stale = (type: string) => type.startsWith("budget.") || type.startsWith("llm.call.");

export function BudgetsPage() {
  const me = useMe();
  const budgets = useQuery(budgetsQuery());
  const standing = useQuery(budgetStatusQuery());
  const [edited, setEdited] = useState<Budget | "new" | null>(null);
  const [leaving, setLeaving] = useState<Budget | null>(null);
  const remove = useDeleteBudget();
  useFresh("runs", (frame) => (stale(frame.type) ? [budgetKeys.status] : []), [budgetKeys.all]);
  const refused = refusal(me, "admin");
  return (
    <Page>
      <PageHeader
        title="Budgets"
        actions={
          <Button look="primary" refusal={refused} onClick={() => setEdited("new")}>
            <Plus aria-hidden />
            New budget
          </Button>
        }
      />
      <UsageNav />
      <Section title="How they stand">
        <Loaded query={standing}>
          {(rows) =>
            rows.length === 0 ? (
              <EmptyState icon={Wallet} title="Nothing has been spent under a budget yet." />
            ) : (
              <Card className="grid gap-4 lg:grid-cols-2 lg:gap-x-8">
                {rows.filter(isWorthALook).map((row) => (
                  <BudgetBar key={`${row.budget_id}-${row.subject}`} status={row} />
                ))}
              </Card>
            )
          }
        </Loaded>
      </Section>
      <Section title="Limits">
        <ListTable
          query={budgets}
          label="Budgets"
          columns={COLUMNS}
          id={(budget) => budget.id}
          empty={<EmptyState icon={Wallet} title="There is no budget: nothing limits what is spent." />}
          actions={(budget) => (
            <>
              <RowAction label={`Change budget for ${subject(budget)}`} refusal={refused} onClick={() => setEdited(budget)}>
                Change
              </RowAction>
              <RowAction label={`Delete budget for ${subject(budget)}`} refusal={refused} onClick={() => setLeaving(budget)}>
                Delete
              </RowAction>
            </>
          )}
        />
      </Section>
      {edited ? (
        <BudgetForm
          key={edited === "new" ? "new" : edited.id}
          open
          onOpenChange={() => setEdited(null)}
          budget={edited === "new" ? null : edited}
        />
      ) : null}
      <Confirm
        open={leaving !== null}
        onOpenChange={() => setLeaving(null)}
        title="Delete this budget?"
        action="Delete budget"
        onConfirm={() => remove.mutateAsync(leaving?.id ?? "")}
      >
        {leaving ? `${limitText(leaving)} for ${subject(leaving)} no longer holds. What waits for it goes on.` : null}
      </Confirm>
    </Page>
  );
}

const subject = (budget: Budget): string =>
  budget.ref ? `${budget.scope} ${budget.ref}` : SCOPES[budget.scope].toLowerCase();

/** `$20.00` or the first limit there is. */
export function limitText(budget: Budget, kind: "hard" | "soft" = "hard"): string {
  const usd = budget[`${kind}_usd`];
  if (usd !== null && usd !== undefined) return money(usd);
  const tokens = budget[`${kind}_tokens`];
  if (tokens !== null && tokens !== undefined) return `${count(tokens)} tokens`;
  const calls = budget[`${kind}_calls`];
  return calls !== null && calls !== undefined ? `${count(calls)} calls` : "–";
}

const COLUMNS: Column<Budget>[] = [
  {
    head: "Holds for",
    className: "font-medium",
    cell: (budget) => (
      <>
        <span className="inline-block first-letter:uppercase">{subject(budget)}</span>
        {budget.enabled === false ? <Badge className="ml-2">off</Badge> : null}
      </>
    ),
  },
  { head: "In", cell: (budget) => WINDOWS[budget.window] },
  { head: "Warn at", numeric: true, cell: (budget) => limitText(budget, "soft") },
  { head: "Stop at", numeric: true, cell: (budget) => limitText(budget) },
  {
    head: "At the stop",
    cell: (budget) => `${budget.action ? ACTIONS[budget.action] : "–"}${budget.action === "downgrade" ? `: ${budget.downgrade_model ?? ""}` : ""}`,
  },
];

/** Of single runs and sessions those that near their end: the others are many, and say nothing. */
const isWorthALook = (row: BudgetStatus): boolean =>
  !["run", "session"].includes(row.scope) || row.state !== "ok" || (row.percent ?? 0) >= 50;
