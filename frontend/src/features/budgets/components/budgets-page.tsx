import { useQuery } from "@tanstack/react-query";
import { Plus, Wallet } from "lucide-react";
import { useState } from "react";

import { refusal, useMe } from "@/api/me";
import { budgetKeys, budgetsQuery, budgetStatusQuery, type Budget } from "@/api/usage";
import { BudgetBar } from "@/components/budget-bar";
import { Loaded } from "@/components/loaded";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Confirm } from "@/components/ui/confirm";
import { EmptyState } from "@/components/ui/empty-state";
import { Card, Page, PageHeader, Section } from "@/components/ui/page-header";
import { Row, Table, TableBody, TableHead, Td, Th } from "@/components/ui/table";
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
                {rows.map((row) => (
                  <BudgetBar key={`${row.budget_id}-${row.subject}`} status={row} />
                ))}
              </Card>
            )
          }
        </Loaded>
      </Section>
      <Section title="Limits">
        <Loaded query={budgets}>
          {(rows) =>
            rows.length === 0 ? (
              <EmptyState icon={Wallet} title="There is no budget: nothing limits what is spent." />
            ) : (
              <BudgetTable rows={rows} refused={refused} onEdit={setEdited} onDelete={setLeaving} />
            )
          }
        </Loaded>
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

interface BudgetTableProps {
  rows: Budget[];
  refused: string | null;
  onEdit: (budget: Budget) => void;
  onDelete: (budget: Budget) => void;
}

function BudgetTable({ rows, refused, onEdit, onDelete }: BudgetTableProps) {
  return (
    <Table>
      <TableHead>
        <tr>
          <Th>Holds for</Th>
          <Th>In</Th>
          <Th numeric>Warn at</Th>
          <Th numeric>Stop at</Th>
          <Th>At the stop</Th>
          <Th>
            <span className="sr-only">Actions</span>
          </Th>
        </tr>
      </TableHead>
      <TableBody>
        {rows.map((budget) => (
          <Row key={budget.id}>
            <Td className="font-medium">
              <span className="first-letter:uppercase">{subject(budget)}</span>
              {budget.enabled === false ? <Badge className="ml-2">off</Badge> : null}
            </Td>
            <Td>{WINDOWS[budget.window]}</Td>
            <Td numeric>{limitText(budget, "soft")}</Td>
            <Td numeric>{limitText(budget)}</Td>
            <Td>
              {budget.action ? ACTIONS[budget.action] : "–"}
              {budget.action === "downgrade" ? `: ${budget.downgrade_model ?? ""}` : ""}
            </Td>
            <Td className="text-right whitespace-nowrap">
              <Button size="sm" look="quiet" refusal={refused} onClick={() => onEdit(budget)} aria-label={`Change budget for ${subject(budget)}`}>
                Change
              </Button>
              <Button size="sm" look="quiet" refusal={refused} onClick={() => onDelete(budget)} aria-label={`Delete budget for ${subject(budget)}`}>
                Delete
              </Button>
            </Td>
          </Row>
        ))}
      </TableBody>
    </Table>
  );
}
