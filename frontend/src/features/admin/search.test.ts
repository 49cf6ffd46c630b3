import { expect, it } from "vitest";

import { auditAsk } from "./search";

it("asks for whole days, the last one within", () => {
  const asked = auditAsk({ action: "api_key.create", since: "2026-03-01", until: "2026-03-01" });
  expect(asked.action).toBe("api_key.create");
  const hours = (Date.parse(asked.at__lt ?? "") - Date.parse(asked.at__gte ?? "")) / 3_600_000;
  expect(hours).toBe(24);
  expect(auditAsk({ result: "refused" })).toEqual({ result: "refused" });
});
