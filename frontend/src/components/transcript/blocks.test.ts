import fc from "fast-check";
import { expect, it } from "vitest";

import { type Block, blockText, splitBlocks } from "./blocks";

const line = fc.oneof(
  fc.constantFrom("", "```", "```js", "~~~", "text", "- item", "    deep"),
  fc.nat(9000).map((length) => "x".repeat(length)),
);
const text = fc.array(line, { maxLength: 120 }).map((lines) => lines.join("\n"));

it("loses and doubles nothing", () => {
  fc.assert(fc.property(text, (whole) => {
    expect(splitBlocks(whole).map(({ start, end }) => whole.slice(start, end)).join("")).toBe(whole);
  }));
});

it("splits a text that grows as it splits the whole", () => {
  fc.assert(fc.property(text, fc.array(fc.nat(4000), { maxLength: 8 }), (whole, steps) => {
    let end = 0;
    let blocks: Block[] = [];
    for (const step of [...steps, whole.length]) {
      end = Math.min(end + step, whole.length);
      blocks = splitBlocks(whole.slice(0, end), blocks);
    }
    expect(blocks).toEqual(splitBlocks(whole));
  }));
});

it("keeps each block short", () => {
  const long = `${"one line\n".repeat(20_000)}${"y".repeat(1_000_000)}`;
  const blocks = splitBlocks(long);
  expect(Math.max(...blocks.map(({ start, end }) => end - start))).toBeLessThanOrEqual(4000);
});

it("opens the fence again in the parts of a long one", () => {
  const code = `before\n\n~~~py\n${"x = 1\n".repeat(100)}~~~\nafter`;
  const parts = splitBlocks(code).map((block) => blockText(code, block));
  expect(parts[1]!.startsWith("~~~py\n")).toBe(true);
  expect(parts[2]!.startsWith("~~~py\n")).toBe(true);
  expect(parts.at(-1)).toBe("after");
});
