import { expect, it } from "vitest";

import { layoutSteps } from "./layout";

const steps = ["PLAN", "BUILD", "REVIEW", "SHIP"].map((id) => ({ id }));
const edges = [
  { source: "PLAN", target: "BUILD", kind: "complete" },
  { source: "BUILD", target: "REVIEW", kind: "complete" },
  { source: "REVIEW", target: "BUILD", kind: "result:CHANGES" },
  { source: "REVIEW", target: "BUILD", kind: "result:UNSURE" },
  { source: "REVIEW", target: "PLAN", kind: "result:WRONG" },
  { source: "REVIEW", target: "SHIP", kind: "result:OK" },
  { source: "SHIP", target: "NOWHERE", kind: "complete" },
];

it("sets steps in layers, and routes back into lanes of their own", () => {
  const layout = layoutSteps(steps, edges, new Set(["REVIEW BUILD"]));
  const y = new Map(layout.nodes.map((node) => [node.id, node.y]));
  expect(["PLAN", "BUILD", "REVIEW", "SHIP"].map((id) => y.get(id)!).every((value, at, all) => at === 0 || value > all[at - 1]!)).toBe(true);
  const back = layout.routes.filter((route) => route.isBack);
  expect(back.map((route) => [route.id, route.label, route.lane, route.taken])).toEqual([
    ["REVIEW BUILD", "CHANGES, UNSURE", 0, true],
    ["REVIEW PLAN", "WRONG", 1, false],
  ]);
  expect(layout.routes.some((route) => route.target === "NOWHERE")).toBe(false);
});

it("stands without steps", () => {
  expect(layoutSteps([], [], new Set()).nodes).toEqual([]);
});
