import { expect, it } from "vitest";

import { lineOf, MOST_LINES, shownLines, withLines, type LogLine } from "./logs";

const line = (key: number, level: LogLine["level"], text: string): LogLine => ({ key: `${key}`, level, text });

it("reads a line and leaves out what is none", () => {
  const told = JSON.stringify({ id: "1-0", type: "log", data: { container_id: 3, level: "error", text: "boom" } });
  expect(lineOf(told, "1-0")).toEqual({ key: "1-0", level: "error", text: "boom" });
  expect(lineOf("not json", "2")).toBeNull();
  expect(lineOf('{"type":"end"}', "3")).toBeNull();
});

it("keeps no more than it may, the newest", () => {
  const many = Array.from({ length: MOST_LINES }, (_, n) => line(n, "info", "x"));
  const kept = withLines(many, [line(-1, "info", "last")]);
  expect(kept).toHaveLength(MOST_LINES);
  expect(kept.at(-1)?.text).toBe("last");
});

it("narrows by level and words; an error is also a warning", () => {
  const all = [line(1, "info", "Start"), line(2, "warning", "slow start"), line(3, "error", "failed")];
  expect(shownLines(all, "warning", "").map((each) => each.key)).toEqual(["2", "3"]);
  expect(shownLines(all, "all", "START").map((each) => each.key)).toEqual(["1", "2"]);
});
