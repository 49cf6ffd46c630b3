import { expect, it } from "vitest";

import type { Status } from "@/api/system";

import { troubles } from "./troubles";

const well: Status = {
  status: "ok",
  checks: { database: "ok", redis: "ok" },
  storage: { state: "ok" },
  version: "1",
  queues: { runs: 3, beat: null },
};

it("says nothing when all is well", () => {
  expect(troubles(well)).toEqual([]);
});

it("names each thing that is wrong", () => {
  const ill: Status = {
    ...well,
    checks: { database: "ok", redis: "no answer" },
    storage: { state: "critical" },
    queues: { runs: 101 },
  };
  expect(troubles(ill)).toHaveLength(3);
  expect(troubles(ill)[0]).toBe("redis: no answer");
});
