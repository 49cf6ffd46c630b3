import type { Answer } from "@/api/allauth";
import { pendingFlow } from "@/api/allauth";
import { queryClient } from "@/api/query-client";
import { BASE_PATH } from "@/lib/base";
import { safeNext } from "@/lib/next";

const OF_THE_SERVER = /^\/(django-admin|metrics|problems|v1)(\/|$)/;

/** The address to open after signing in, for a `?next=` that may come from anywhere. */
export function entrance(next: string | undefined): string {
  const path = safeNext(next);
  return OF_THE_SERVER.test(path) ? path : `${BASE_PATH.replace(/\/$/, "")}${path}`;
}

/** Go in. The page is loaded anew: nothing of an earlier person is left in it. */
export function enter(next: string | undefined): void {
  queryClient.clear();
  location.assign(entrance(next));
}

export type Step = "in" | "verify" | "trust" | "login";

/** What follows an answer of the sign-in. */
export function stepAfter(answer: Answer): Step {
  const flow = pendingFlow(answer);
  if (flow === null) return "in";
  if (flow.id === "mfa_authenticate") return "verify";
  return flow.id === "mfa_trust" ? "trust" : "login";
}
