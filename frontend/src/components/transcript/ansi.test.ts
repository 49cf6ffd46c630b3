import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { ansiSpans, plainText } from "./ansi";

describe("output of programs", () => {
  it("keeps colours as classes", () => {
    expect(ansiSpans("a \u001b[1;31mred\u001b[0m b")).toEqual([
      { text: "a ", className: "" },
      { text: "red", className: "text-bad font-semibold" },
      { text: " b", className: "" },
    ]);
  });

  it("takes out titles, cursor moves and what else a terminal obeys", () => {
    expect(plainText("\u001b]0;title\u0007x\u001b[2Ky\u001b[10;5Hz\u001b(B")).toBe("xyz");
    expect(plainText("\u001b]8;;javascript:alert(1)\u001b\\click\u001b]8;;\u001b\\")).toBe("click");
  });

  it("reads colours of 256 and 16 million as none, without eating text", () => {
    expect(ansiSpans("\u001b[38;5;200mpink\u001b[38;2;1;2;3mrgb")).toEqual([{ text: "pinkrgb", className: "" }]);
  });

  it("names marks of direction", () => {
    expect(plainText("user\u202etxt.exe")).toBe("user[U+202E]txt.exe");
  });

  it("never lets an escape character through", () => {
    fc.assert(fc.property(fc.string({ unit: fc.constantFrom("\u001b", "[", "]", "3", "1", "m", ";", "x", "\u0007", "\u009b") }), (text) => {
      expect(ansiSpans(text).map((span) => span.text).join("")).not.toContain("\u001b");
    }));
  });
});
