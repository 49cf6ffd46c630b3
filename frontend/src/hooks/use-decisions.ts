import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { decisionKeys, decisionsQuery, type Decision } from "@/api/decisions";
import type { Frame } from "@/live/frames";
import { useTopic } from "@/live/use-topic";

import { useFresh } from "./use-fresh";

const TELLING = new Set([
  "APPROVAL_REQUESTED",
  "APPROVAL_DECIDED",
  "STEP_PARKED",
  "STEP_STARTED",
  "RUN_FAILED",
  "RUN_STATUS_CHANGED",
  "RUN_DELETED",
  "RUNS_BULK_DELETED",
  "RUN_CREATED",
  "budget.raised",
]);

/** What waits for this person, kept fresh. */
export function useDecisions() {
  useFresh("runs", (frame) => (TELLING.has(frame.type) ? [decisionKeys.all] : []), [decisionKeys.all]);
  return useQuery(decisionsQuery());
}

/** A decision that was open when somebody took it, here or elsewhere. */
export interface Answered {
  decision: Decision;
  how: "approved" | "rejected" | "expired";
  /** The person's id and name; empty when nobody did. */
  userId: string;
  userName: string;
  comment: string;
}

const MOST_ANSWERED = 20;

/** Out of an event that tells of an answer; null when it was not among the open ones. */
export function answeredBy(frame: Frame, open: readonly Decision[]): Answered | null {
  if (frame.type !== "APPROVAL_DECIDED") return null;
  const text = (name: string): string => {
    const value = frame.data[name];
    return typeof value === "string" ? value : "";
  };
  const decision = open.find((each) => each.id === text("approvalId"));
  const how = text("decision");
  if (!decision || (how !== "approved" && how !== "rejected" && how !== "expired")) return null;
  return { decision, how, userId: text("userId"), userName: text("userName"), comment: text("comment") };
}

/** What was answered while one looked, the latest last: it stays in sight, and says by whom. */
export function useAnswered(): Answered[] {
  const client = useQueryClient();
  const [answered, setAnswered] = useState<Answered[]>([]);
  useTopic("runs", (frame) => {
    const found = answeredBy(frame, client.getQueryData(decisionsQuery().queryKey) ?? []);
    if (!found) return;
    setAnswered((old) => [...old.filter((each) => each.decision.id !== found.decision.id), found].slice(-MOST_ANSWERED));
  });
  return answered;
}

export type DecisionRow = { decision: Decision; answer: Answered | null };

/** Open and just answered ones in one order: what is answered does not jump. */
export function decisionRows(open: readonly Decision[], answered: readonly Answered[]): DecisionRow[] {
  const done = new Set(answered.map((each) => each.decision.id));
  const rows: DecisionRow[] = [
    ...open.filter((each) => !done.has(each.id)).map((decision) => ({ decision, answer: null })),
    ...answered.map((answer) => ({ decision: answer.decision, answer })),
  ];
  return rows.sort((a, b) => a.decision.created_at.localeCompare(b.decision.created_at));
}
