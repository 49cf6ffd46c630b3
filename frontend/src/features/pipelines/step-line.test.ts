import { expect, it } from "vitest";

import { lineOfStep } from "./step-line";

const TEXT = `id: BUILD
agents:
  - id: BUILD
steps:
  - id: PLAN
  - {id: "BUILD", agent: x}
  - agent: y
    id: BUILD.2
`;

it("finds a step by its id, not an agent of the same name", () => {
  expect(["PLAN", "BUILD", "BUILD.2", "NONE"].map((id) => lineOfStep(TEXT, id))).toEqual([5, 6, 8, 0]);
});
