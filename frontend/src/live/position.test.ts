import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { isNewer, older } from "./position";

const id = fc.tuple(fc.nat(), fc.nat()).map(([major, minor]) => `${major}-${minor}`);

describe("isNewer", () => {
  it("compares as numbers, not as text", () => {
    expect(isNewer("10", "9")).toBe(true);
    expect(isNewer("9", "10")).toBe(false);
    expect(isNewer("9", "9")).toBe(false);
    expect(isNewer("9", null)).toBe(true);
  });

  it("compares both parts of a position in the feed", () => {
    expect(isNewer("7-2", "7-1")).toBe(true);
    expect(isNewer("7-1", "8-0")).toBe(false);
    expect(isNewer("9007199254740993-0", "9007199254740992-0")).toBe(true);
  });

  it("orders any two ids one way only", () => {
    fc.assert(
      fc.property(id, id, (a, b) => {
        expect(isNewer(a, b) && isNewer(b, a)).toBe(false);
        expect(isNewer(older(a, b), a) || isNewer(older(a, b), b)).toBe(false);
      }),
    );
  });
});
