import { expect, it } from "vitest";

import type { Schemas } from "@/api/client";

import { byProject, counted } from "./since";

const run = (id: string, status: string, project_id = "", completed_at = "2026-01-01T00:00:00Z") =>
  ({ id, status, project_id, completed_at }) as Schemas["Run"];

it("counts what ended, and how", () => {
  expect(counted([run("a", "completed"), run("b", "failed"), run("c", "completed")], 3)).toBe("3 runs ended: 2 completed, 1 failed");
  expect(counted([run("a", "cancelled")], 1)).toBe("1 run ended: cancelled");
  expect(counted([run("a", "completed")], 80)).toBe("80 runs ended");
});

it("groups by project, the last that ended first", () => {
  const groups = byProject([
    run("a", "completed", "web", "2026-01-01T00:00:00Z"),
    run("b", "failed", "", "2026-01-03T00:00:00Z"),
    run("c", "completed", "web", "2026-01-02T00:00:00Z"),
  ]);
  expect(groups.map(({ project, runs }) => [project, runs.map(({ id }) => id)])).toEqual([["", ["b"]], ["web", ["c", "a"]]]);
});
