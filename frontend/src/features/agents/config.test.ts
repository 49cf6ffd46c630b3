import { expect, it } from "vitest";

import { asText, fromText, settingsOf } from "./config";

it("says where each value comes from", () => {
  const rows = settingsOf(
    { model: "m", timeout: 30, thread_mode: "passive" },
    { builtin: { model: "m" } },
    { timeout: 30 },
  );
  expect(rows.map((row) => [row.key, row.from])).toEqual([
    ["model", "file"],
    ["thread_mode", "default"],
    ["timeout", "database"],
  ]);
});

it("keeps the kind of a value through text", () => {
  for (const value of ["openai/gpt", 30, true, ["read", "bash"], { a: 1 }])
    expect(fromText(asText(value), value)).toEqual(value);
  expect(fromText("", 30)).toBeNull();
  expect(fromText("5", null)).toBe(5);
  expect(fromText("plain words", null)).toBe("plain words");
  expect(() => fromText("[1", [1])).toThrow();
});
