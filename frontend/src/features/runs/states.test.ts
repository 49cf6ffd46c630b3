import { describe, expect, it } from "vitest";

import type { Execution, RunDetail } from "./queries";
import { stateAt } from "./states";

const second = (at: number): string => new Date(at * 1000).toISOString();

const attempt = (step_id: string, from: number, to: number | null, outputs: Record<string, string> = {}, commit_hash = ""): Partial<Execution> => ({
  step_id, generation: 1, visit: 1, attempt: 1, superseded: false, status: to === null ? "running" : "completed",
  started_at: second(from), finished_at: to === null ? null : second(to), outputs, commit_hash,
});

const run = {
  generation: 1,
  executions: [
    { ...attempt("OLD", 1, 2, { plan: "of before" }), generation: 0 },
    attempt("PLAN", 10, 20, { plan: "one" }, "c1"),
    attempt("BUILD", 20, 40, { plan: "two", note: "n" }),
    attempt("SHIP", 41, null),
  ],
} as unknown as RunDetail;

describe("the run as it was", () => {
  it("knows nothing before the first step ends, but who works", () => {
    expect(stateAt(run, 15_000)).toMatchObject({ outputs: {}, commit: "", step: { step_id: "PLAN" } });
    expect(stateAt(run, 5_000).step).toBeUndefined();
  });

  it("has the newest value of each output, and the last commit that was there", () => {
    expect(stateAt(run, 30_000)).toMatchObject({ outputs: { plan: "one" }, commit: "c1", step: { step_id: "BUILD" } });
    expect(stateAt(run, 40_500)).toMatchObject({ outputs: { plan: "two", note: "n" }, commit: "c1", step: { step_id: "BUILD" } });
    expect(stateAt(run, 50_000).step).toMatchObject({ step_id: "SHIP" });
  });
});
