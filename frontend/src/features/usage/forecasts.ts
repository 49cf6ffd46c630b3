import * as z from "zod/mini";

import type { Schemas } from "@/api/client";

const range = z.object({ p10: z.number(), p50: z.number(), p90: z.number() });
const forecast = z.object({ cost_usd: z.nullish(range), duration_s: z.nullish(range) });

export type Verdict = "below" | "within" | "above";

export interface Compared {
  id: string;
  task: string;
  pipeline: string;
  low: number;
  middle: number;
  high: number;
  actual: number;
  verdict: Verdict;
}

/** Ended runs whose cost was foretold, beside what they cost. */
export function compared(runs: readonly Schemas["Run"][]): Compared[] {
  return runs.flatMap((run) => {
    const told = forecast.safeParse(run.forecast);
    const cost = told.success ? told.data.cost_usd : null;
    if (!cost || run.cost_total === null) return [];
    const actual = Number(run.cost_total);
    const verdict: Verdict = actual > cost.p90 ? "above" : actual < cost.p10 ? "below" : "within";
    return [
      {
        id: run.id,
        task: run.task,
        pipeline: run.pipeline_id,
        low: cost.p10,
        middle: cost.p50,
        high: cost.p90,
        actual,
        verdict,
      },
    ];
  });
}
