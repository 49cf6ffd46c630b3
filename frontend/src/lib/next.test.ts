import { expect, it } from "vitest";

import { safeNext } from "./next";

it.each(["/runs?status=failed#x", "/"])("goes to %s", (next) => expect(safeNext(next)).toBe(next));

it.each([
  undefined, "", "//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)",
  "\\/evil.example", "/\t/evil.example",
])("refuses %s", (next) => expect(safeNext(next)).toBe("/"));
