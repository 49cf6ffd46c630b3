import type { Session } from "@/api/sessions";

export interface Repeats {
  /** The newest of them. */
  session: Session;
  others: Session[];
}

const LEAST = 3; // fewer are quicker read than opened
const QUIET = new Set<Session["status"]>(["completed", "stopped"]);

const kindOf = ({ agent_id, source, step_id, status }: Session): string => [agent_id, source, step_id, status].join(" ");

/** Sessions that say the same one after the other, as one; what works or has failed stays by itself. */
export function repeats(rows: readonly Session[]): Repeats[] {
  const groups: Session[][] = [];
  for (const row of rows) {
    const last = groups.at(-1);
    if (last?.[0] && QUIET.has(row.status) && kindOf(last[0]) === kindOf(row)) last.push(row);
    else groups.push([row]);
  }
  return groups.flatMap((group) => {
    const [first, ...others] = group;
    if (!first) return [];
    return group.length < LEAST ? group.map((session) => ({ session, others: [] })) : [{ session: first, others }];
  });
}
