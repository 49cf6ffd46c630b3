import { expect, it } from "vitest";

import type { UsageRow } from "@/api/usage";

import { monthStart, paced, spentOf } from "./money";

const row = (bucket: string, group: string, cost_total: number | null) =>
  ({ bucket, group, cost_total, cost_unknown_calls: cost_total === null ? 1 : 0 }) as UsageRow;
const NOW = new Date("2026-03-05T22:00:00Z");

it("knows today from the month, and who spent most", () => {
  const spent = spentOf(
    [
      row("2026-03-05T00:00:00Z", "finn", 1),
      row("2026-03-04T00:00:00Z", "eric", 5),
      row("2026-03-05T00:00:00Z", "eric", 2),
      row("2026-03-05T00:00:00Z", "yang", null),
    ],
    NOW,
  );
  expect(spent).toEqual({
    today: 3,
    month: 8,
    unknown: 1,
    agents: [
      { id: "eric", cost: 7 },
      { id: "finn", cost: 1 },
    ],
  });
});

it("begins the month in UTC", () => {
  expect(monthStart(NOW).toISOString()).toBe("2026-03-01T00:00:00.000Z");
});

it("tells what the month will cost, once it is a day old", () => {
  expect(paced(5, new Date("2026-03-01T08:00:00Z"))).toBeNull();
  expect(paced(0, NOW)).toBeNull();
  expect(paced(10, new Date("2026-03-11T00:00:00Z"))).toBeCloseTo(31);
});
