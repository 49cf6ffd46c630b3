import { expect, it } from "vitest";

import type { Decision } from "@/api/decisions";

import { chosen } from "./search";

const decision = (id: string, kind: Decision["kind"], agent_id: string) => ({ decision: { id, kind, agent_id } as Decision, answer: null });
const all = [decision("1", "approval", "finn"), decision("2", "failure", "finn"), decision("3", "approval", "eric")];
const ids = (search: Parameters<typeof chosen>[1]) => chosen(all, search).map((each) => each.decision.id);

it("narrows by kind and agent together, oldest first unless told else", () => {
  expect(ids({})).toEqual(["1", "2", "3"]);
  expect(ids({ kind: "approval" })).toEqual(["1", "3"]);
  expect(ids({ kind: "approval", agent: "eric" })).toEqual(["3"]);
  expect(ids({ sort: "newest" })).toEqual(["3", "2", "1"]);
  expect(all.map((each) => each.decision.id)).toEqual(["1", "2", "3"]);
});
