import { expect, it } from "vitest";

import type { Decision } from "@/api/decisions";

import { chosen } from "./search";

const decision = (id: string, kind: Decision["kind"], agent_id: string) => ({ decision: { id, kind, agent_id } as Decision, answer: null });
const all = [decision("1", "approval", "finn"), decision("2", "failure", "finn"), decision("3", "approval", "eric")];
const ids = (search: Parameters<typeof chosen>[1]) => chosen(all, search).map((each) => each.decision.id);

it("hides what is put off, and shows it where one looks for it", () => {
  const snoozed = { "2": "2026-01-02T08:00:00Z" };
  expect(chosen(all, {}, snoozed).map((each) => each.decision.id)).toEqual(["1", "3"]);
  expect(chosen(all, { later: true }, snoozed).map((each) => each.decision.id)).toEqual(["2"]);
});

it("narrows by age and project", () => {
  const now = Date.parse("2026-01-02T00:00:00Z");
  const aged = [
    { decision: { id: "old", project_id: "web", created_at: "2025-12-30T00:00:00Z" } as Decision, answer: null },
    { decision: { id: "new", project_id: "api", created_at: "2026-01-01T23:30:00Z" } as Decision, answer: null },
  ];
  const found = (search: Parameters<typeof chosen>[1]) => chosen(aged, search, {}, now).map((each) => each.decision.id);
  expect(found({ age: "1h" })).toEqual(["new"]);
  expect(found({ age: "7d" })).toEqual(["old", "new"]);
  expect(found({ project: "web" })).toEqual(["old"]);
});

it("narrows by kind and agent together, oldest first unless told else", () => {
  expect(ids({})).toEqual(["1", "2", "3"]);
  expect(ids({ kind: "approval" })).toEqual(["1", "3"]);
  expect(ids({ kind: "approval", agent: "eric" })).toEqual(["3"]);
  expect(ids({ sort: "newest" })).toEqual(["3", "2", "1"]);
  expect(all.map((each) => each.decision.id)).toEqual(["1", "2", "3"]);
});
