import { expect, it } from "vitest";

import { promptParts } from "./prompt";

it("reads parts and leaves out what is none", () => {
  expect(promptParts([{ name: "SOUL", characters: 12, cut: 7, more: 1 }, { x: 1 }, null])).toEqual([
    { name: "SOUL", characters: 12, cut: 7 },
  ]);
});
