import type { UsageRow } from "@/api/usage";

export interface Spent {
  today: number;
  month: number;
  /** Calls whose cost nobody knows. */
  unknown: number;
  /** Of this month, the dearest first. */
  agents: { id: string; cost: number }[];
}

/** Out of rows by day and agent of this month. Days are UTC, as the server's. */
export function spentOf(rows: readonly UsageRow[], now: Date): Spent {
  const today = now.toISOString().slice(0, 10);
  const agents = new Map<string, number>();
  const spent: Spent = { today: 0, month: 0, unknown: 0, agents: [] };
  for (const row of rows) {
    const cost = row.cost_total ?? 0;
    spent.month += cost;
    spent.unknown += row.cost_unknown_calls;
    if (row.bucket?.startsWith(today)) spent.today += cost;
    if (row.group) agents.set(row.group, (agents.get(row.group) ?? 0) + cost);
  }
  spent.agents = [...agents]
    .map(([id, cost]) => ({ id, cost }))
    .filter((each) => each.cost > 0)
    .sort((a, b) => b.cost - a.cost);
  return spent;
}

export const monthStart = (now: Date): Date => new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), 1));

const PACE_DAYS = 1; // earlier in the month one day says too little

/** What the month will have cost if it goes on like this; null while that cannot be told. */
export function paced(spent: number, now: Date): number | null {
  const start = monthStart(now).getTime();
  const end = Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1, 1);
  const gone = now.getTime() - start;
  if (spent <= 0 || gone < PACE_DAYS * 86_400_000) return null;
  return (spent * (end - start)) / gone;
}
