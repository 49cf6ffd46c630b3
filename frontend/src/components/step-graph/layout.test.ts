import { expect, it } from "vitest";

import { laneAt, layoutSteps } from "./layout";

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

it("sets steps under each other where there is little room, and passes them over at the left", () => {
  const layout = layoutSteps(steps, [...edges, { source: "PLAN", target: "SHIP", kind: "result:SMALL" }], new Set(), "column");
  expect(new Set(layout.nodes.map((node) => node.x)).size).toBe(1);
  const over = layout.routes.find((route) => route.id === "PLAN SHIP")!;
  expect([over.side, over.lane]).toEqual(["left", 0]);
  expect(laneAt(layout, over)).toBeLessThan(layout.left);
  expect(layout.routes.find((route) => route.id === "BUILD REVIEW")!.side).toBeNull();
  expect(layout.width).toBeLessThanOrEqual(300);
});
