import { expect, it } from "vitest";

import type { Schemas } from "@/api/client";

import { compared } from "./forecasts";

const run = (cost_total: string | null, forecast: Record<string, unknown>) =>
  ({ id: "run_1", task: "t", pipeline_id: "p", cost_total, forecast }) as Schemas["Run"];
const told = { basis: "same_model", runs: 4, cost_usd: { p10: 1, p50: 2, p90: 3 }, duration_s: null };

it("says where the cost fell in the range", () => {
  const verdicts = ["0.5", "2", "3.5"].map((cost) => compared([run(cost, told)])[0]?.verdict);
  expect(verdicts).toEqual(["below", "within", "above"]);
});

it("leaves out runs without a forecast or a known cost", () => {
  expect(compared([run("1", {}), run(null, told), run("1", { ...told, cost_usd: null })])).toEqual([]);
});
