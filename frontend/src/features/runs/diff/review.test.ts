import { expect, it } from "vitest";

import { readReview, reviewText } from "./review";

it("tells each comment with its place, in the order of the files", () => {
  const text = reviewText([
    { path: "b.py", line: 2, removed: true, quote: "old", text: "Keep this." },
    { path: "a.py", line: 12, removed: false, quote: "    return x  ", text: "The name is not clear." },
  ]);
  expect(text).toBe("Comments on the changes:\n\na.py:12\n> return x\nThe name is not clear.\n\nb.py:2 (a line that was removed)\n> old\nKeep this.");
});

it("starts anew where what was kept is none", () => {
  expect(readReview("r", { getItem: () => '[{"path": 1}]' })).toEqual([]);
  expect(readReview("r", { getItem: () => null })).toEqual([]);
});
