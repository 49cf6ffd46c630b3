import { describe, expect, it } from "vitest";

import { bytes, count, duration, money, relative, shortId } from "./format";

describe("duration", () => {
  it.each([
    [0, "0 s"], [0.4, "< 1 s"], [42, "42 s"], [185, "3 min 5 s"], [7_800, "2 h 10 min"],
    [356_400, "4 d 3 h"], [-1, "–"],
  ])("%s s is %s", (seconds, text) => expect(duration(seconds)).toBe(text));
});

describe("money", () => {
  it.each([
    [0, "$0.00"], [null, "$0.00"], ["0.000001", "< $0.0001"], [0.012345, "$0.01235"],
    ["0.5", "$0.50"], [1234.5, "$1,234.50"], [-2, "−$2.00"],
  ])("%s is %s", (amount, text) => expect(money(amount)).toBe(text));
});

describe("relative", () => {
  const now = Date.parse("2026-03-04T12:00:00Z");
  it.each([
    ["2026-03-04T11:59:55Z", "just now"], ["2026-03-04T11:55:00Z", "5 min ago"],
    ["2026-03-04T14:00:00Z", "in 2 h"], ["2026-03-01T12:00:00Z", "3 d ago"],
    ["2025-12-24T12:00:00Z", "Dec 24, 2025"],
  ])("%s is %s", (time, text) => expect(relative(time, now)).toBe(text));
});

it("shortens what is long", () => {
  expect(count(9_500)).toBe("9,500");
  expect(count(12_400)).toBe("12.4k");
  expect(bytes(1_500)).toBe("1.5 kB");
  expect(shortId("run_01JXYZABCDEFGHJKMNPQRSTVWX")).toBe("run_01JX…TVWX");
  expect(shortId("run_1")).toBe("run_1");
});
