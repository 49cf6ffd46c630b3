import type { BudgetStatus } from "@/api/usage";
import { count, money, shortId } from "@/lib/format";

import type { Tone } from "./ui/badge";
import { Progress } from "./ui/progress";

const TONES: Record<BudgetStatus["state"], Tone> = { ok: "ok", soft: "warn", hard: "bad" };
const WINDOWS: Record<string, string> = {
  hour: "this hour",
  day: "today",
  week: "this week",
  month: "this month",
  total: "in all",
};

interface Measure {
  spent: number;
  held: number;
  limit: number;
  text: (value: number) => string;
}

/** What the budget is measured in: money before tokens before calls. Null: it has no limit. */
export function measureOf(status: BudgetStatus): Measure | null {
  const usd = status.hard_usd ?? status.soft_usd;
  if (usd !== null)
    return {
      spent: status.spent_usd,
      held: status.held_usd,
      limit: usd,
      text: money,
    };
  const tokens = status.hard_tokens ?? status.soft_tokens;
  if (tokens !== null)
    return {
      spent: status.spent_tokens,
      held: status.held_tokens,
      limit: tokens,
      text: (value) => `${count(value)} tokens`,
    };
  const calls = status.hard_calls ?? status.soft_calls;
  if (calls === null) return null;
  return {
    spent: status.spent_calls,
    held: status.held_calls,
    limit: calls,
    text: (value) => `${count(value)} calls`,
  };
}

export function budgetName(status: Pick<BudgetStatus, "scope" | "subject" | "window">): string {
  const who = status.scope === "instance" ? "Instance" : `${status.scope} ${shortId(status.subject.replace(`${status.scope}_`, ""))}`;
  return `${who}, ${WINDOWS[status.window] ?? status.window}`;
}

/** How full a budget is: figures in words, the bar beside them. */
export function BudgetBar({ status }: { status: BudgetStatus }) {
  const measure = measureOf(status);
  const name = budgetName(status);
  if (!measure) return null;
  const taken = measure.spent + measure.held;
  return (
    <div className="grid gap-1">
      <div className="flex items-baseline justify-between gap-3 text-sm">
        <span className="truncate first-letter:uppercase">{name}</span>
        <span className="shrink-0 text-muted">
          {measure.text(taken)} of {measure.text(measure.limit)}
        </span>
      </div>
      <Progress value={taken} of={measure.limit} label={name} tone={TONES[status.state]} />
    </div>
  );
}
