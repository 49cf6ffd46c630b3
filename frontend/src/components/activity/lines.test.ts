import { expect, it } from "vitest";

import type { Frame } from "@/live/frames";

import { lineOf, withLine, type Line } from "./lines";

const frame = (id: string, type: string, data: Record<string, unknown> = {}): Frame => ({
  id,
  topic: "runs",
  type,
  ts: "2026-01-01T00:00:00Z",
  data: { runId: "run_1", ...data },
});
const line = (id: string, type: string, data?: Record<string, unknown>): Line => {
  const made = lineOf(frame(id, type, data));
  if (!made) throw new Error(`no line for ${type}`);
  return made;
};

it("tells what a person wants to know and leaves the rest", () => {
  expect(line("1", "STEP_STARTED", { stepId: "PLAN", agentId: "eric" }).text).toBe("eric started PLAN");
  expect(lineOf(frame("2", "STEP_OUTPUT"))).toBeNull();
});

it("shortens what an agent wrote", () => {
  expect(line("1", "RUN_FAILED", { error: "x".repeat(500) }).text.length).toBeLessThan(170);
});

it("counts repetitions, keeps the newest first, and no more than it may", () => {
  let lines: Line[] = [];
  for (let n = 0; n < 4; n += 1) lines = withLine(lines, line(`${n}`, "STEP_RETRYING", { stepId: "A" }), 3);
  expect(lines).toMatchObject([{ times: 4, key: "3" }]);
  for (let n = 0; n < 5; n += 1) lines = withLine(lines, line(`b${n}`, "STEP_STARTED", { stepId: `S${n}` }), 3);
  expect(lines.map((each) => each.stepId)).toEqual(["S4", "S3", "S2"]);
});
