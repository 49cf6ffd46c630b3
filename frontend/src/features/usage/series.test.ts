import { describe, expect, it } from "vitest";

import type { UsageRow } from "@/api/usage";

import { bucketsOf, byGroup, MOST_SERIES, REST, stacked, totalsOf } from "./series";

const row = (fields: Partial<UsageRow>): UsageRow => ({
  calls: 1,
  failed_calls: 0,
  input_tokens: 10,
  output_tokens: 5,
  cache_read_tokens: 0,
  cache_write_tokens: 0,
  cost_total: 0.5,
  cost_unknown_calls: 0,
  tool_calls: 0,
  duration_ms: 10,
  ...fields,
});
const DAYS = bucketsOf("day", new Date("2026-01-01T05:00:00Z"), new Date("2026-01-03T01:00:00Z"));

describe("bucketsOf", () => {
  it("starts with the day that the range begins in and has no gap", () => {
    expect(DAYS).toEqual([
      "2026-01-01T00:00:00.000Z",
      "2026-01-02T00:00:00.000Z",
      "2026-01-03T00:00:00.000Z",
    ]);
  });
});

describe("stacked", () => {
  it("puts each group into its buckets, the largest first", () => {
    const { series } = stacked(
      [
        row({ bucket: "2026-01-02T00:00:00Z", group: "a", cost_total: 1 }),
        row({ bucket: "2026-01-01T00:00:00+00:00", group: "b", cost_total: 2 }),
        row({ bucket: "2026-01-03T00:00:00Z", group: "a", cost_total: 3 }),
      ],
      "cost",
      DAYS,
    );
    expect(series).toEqual([
      { name: "a", values: [0, 1, 3], total: 4 },
      { name: "b", values: [2, 0, 0], total: 2 },
    ]);
  });

  it("makes one series of what is too much to tell apart, and loses nothing", () => {
    const rows = Array.from({ length: MOST_SERIES + 4 }, (_, index) =>
      row({ bucket: "2026-01-01T00:00:00Z", group: `g${index}`, calls: index + 1 }),
    );
    const { series } = stacked(rows, "calls", DAYS);
    expect(series).toHaveLength(MOST_SERIES + 1);
    expect(series.at(-1)?.name).toBe(REST);
    expect(series.reduce((all, each) => all + each.total, 0)).toBe(66);
  });
});

describe("totals", () => {
  it("counts unknown costs apart and the share of cached input", () => {
    const totals = totalsOf([
      row({ cost_total: null, cost_unknown_calls: 2 }),
      row({ cache_read_tokens: 20 }),
    ]);
    expect(totals).toMatchObject({ cost: 0.5, unknown: 2, calls: 2, tokens: 50 });
    expect(totals.cached).toBeCloseTo(0.5);
  });

  it("names a model with its provider and sorts by cost", () => {
    const groups = byGroup([
      row({ group: "small", provider_id: "openai", cost_total: 1 }),
      row({ group: "big", provider_id: "openai", cost_total: 3 }),
      row({ group: "small", provider_id: "openai", cost_total: 1 }),
    ]);
    expect(groups.map((each) => [each.name, each.cost])).toEqual([
      ["openai/big", 3],
      ["openai/small", 2],
    ]);
  });
});
