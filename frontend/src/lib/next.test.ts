import { expect, it } from "vitest";

import { comingBack, safeNext } from "./next";

it.each(["/runs?status=failed#x", "/"])("goes to %s", (next) => expect(safeNext(next)).toBe(next));

it.each([
  undefined, "", "//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)",
  "\\/evil.example", "/\t/evil.example",
])("refuses %s", (next) => expect(safeNext(next)).toBe("/"));

it("takes what an identity provider refused out of the address", () => {
  expect(comingBack("/runs?status=failed#x")).toEqual({ next: "/runs?status=failed#x" });
  expect(comingBack("/runs?status=failed&error=oidc_cancelled&error_process=login#x")).toEqual({
    next: "/runs?status=failed#x",
    error: "oidc_cancelled",
  });
});
