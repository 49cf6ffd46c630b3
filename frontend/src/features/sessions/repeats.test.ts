import { expect, it } from "vitest";

import type { Session } from "@/api/sessions";

import { repeats } from "./repeats";

const session = (id: string, agent_id: string, status = "completed") =>
  ({ id, agent_id, status, source: "pulse", step_id: "" }) as Session;

it("makes one of many that say the same, and leaves pairs, failures and what works", () => {
  const rows = [
    session("1", "finn"), session("2", "finn"), session("3", "finn"),
    session("4", "eric"), session("5", "eric"),
    session("6", "finn", "failed"), session("7", "finn", "failed"), session("8", "finn", "failed"),
    session("9", "finn"),
  ];
  const found = repeats(rows).map(({ session: { id }, others }) => [id, others.map((each) => each.id)]);
  expect(found).toEqual([["1", ["2", "3"]], ["4", []], ["5", []], ["6", []], ["7", []], ["8", []], ["9", []]]);
});
