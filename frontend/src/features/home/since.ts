import type { Schemas } from "@/api/client";

type Run = Schemas["Run"];

const WORDS: [status: Run["status"], word: string][] = [
  ["completed", "completed"],
  ["failed", "failed"],
  ["cancelled", "cancelled"],
];

/** `4 runs ended: 3 completed, 1 failed`; only how many when there are more than one sees. */
export function counted(runs: readonly Run[], total: number): string {
  const head = `${total} ${total === 1 ? "run" : "runs"} ended`;
  if (total > runs.length) return head;
  const parts = WORDS.flatMap(([status, word]) => {
    const count = runs.filter((run) => run.status === status).length;
    return count > 0 ? [total === 1 ? word : `${count} ${word}`] : [];
  });
  return `${head}: ${parts.join(", ")}`;
}

/** Runs of each project, in the order in which they ended; without any project in one. */
export function byProject(runs: readonly Run[]): { project: string; runs: Run[] }[] {
  const found = new Map<string, Run[]>();
  const last = (run: Run): string => run.completed_at ?? run.updated_at;
  for (const run of [...runs].sort((a, b) => last(b).localeCompare(last(a))))
    found.set(run.project_id, [...(found.get(run.project_id) ?? []), run]);
  return [...found].map(([project, of]) => ({ project, runs: of }));
}
