import { useQuery } from "@tanstack/react-query";

import { decisionKeys, decisionsQuery } from "@/api/decisions";

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
