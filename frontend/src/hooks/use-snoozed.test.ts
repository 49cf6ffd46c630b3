import { expect, it } from "vitest";

import { stillOff, tomorrow } from "./use-snoozed";

it("puts off until the next morning", () => {
  const at = tomorrow(new Date(2026, 0, 31, 23, 30));
  expect([at.getMonth(), at.getDate(), at.getHours(), at.getMinutes()]).toEqual([1, 1, 8, 0]);
});

it("forgets what has come back", () => {
  const snoozed = { a: "2026-01-01T08:00:00Z", b: "2026-01-03T08:00:00Z" };
  expect(stillOff(snoozed, Date.parse("2026-01-02T00:00:00Z"))).toEqual({ b: "2026-01-03T08:00:00Z" });
});
