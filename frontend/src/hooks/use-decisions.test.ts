import { expect, it } from "vitest";

import type { Decision } from "@/api/decisions";
import type { Frame } from "@/live/frames";

import { answeredBy, decisionRows } from "./use-decisions";

const decision = (id: string, created_at: string) => ({ id, created_at }) as Decision;
const open = [decision("a", "2026-03-01T10:00:00Z"), decision("b", "2026-03-01T11:00:00Z")];
const frame = (type: string, data: Record<string, unknown>): Frame => ({ id: "1", topic: "runs", type, ts: "", data });

it("knows an answer to what was open, and whose it is", () => {
  const told = answeredBy(
    frame("APPROVAL_DECIDED", { approvalId: "b", decision: "rejected", userId: "usr_1", userName: "Ada", comment: "no" }),
    open,
  );
  expect(told).toMatchObject({ how: "rejected", userId: "usr_1", userName: "Ada", comment: "no" });
  expect(told?.decision.id).toBe("b");
  expect(answeredBy(frame("APPROVAL_DECIDED", { approvalId: "z", decision: "approved" }), open)).toBeNull();
  expect(answeredBy(frame("STEP_STARTED", { approvalId: "b", decision: "approved" }), open)).toBeNull();
});

it("leaves what is answered where it stood, whether or not the list still has it", () => {
  const answer = answeredBy(frame("APPROVAL_DECIDED", { approvalId: "a", decision: "approved" }), open);
  if (!answer) throw new Error("not known");
  const ids = (rows: ReturnType<typeof decisionRows>) => rows.map((row) => `${row.decision.id}${row.answer ? "!" : ""}`);
  expect(ids(decisionRows(open, [answer]))).toEqual(["a!", "b"]);
  expect(ids(decisionRows(open.slice(1), [answer]))).toEqual(["a!", "b"]);
});
