import type { Answer } from "@/api/allauth";
import { pendingFlow } from "@/api/allauth";
import { queryClient } from "@/api/query-client";
import { safeNext } from "@/lib/next";

/** Go in. The page is loaded anew: nothing of an earlier person is left in it. */
export function enter(next: string | undefined): void {
  queryClient.clear();
  location.assign(safeNext(next));
}

export type Step = "in" | "verify" | "trust" | "login";

/** What follows an answer of the sign-in. */
export function stepAfter(answer: Answer): Step {
  const flow = pendingFlow(answer);
  if (flow === null) return "in";
  if (flow.id === "mfa_authenticate") return "verify";
  return flow.id === "mfa_trust" ? "trust" : "login";
}
