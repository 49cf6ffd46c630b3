import { live } from "@/live/socket";

import { api } from "./client";
import { isProblem } from "./problem";
import { queryClient } from "./query-client";

/** Tells the other tabs of this browser that nobody is signed in any more. */
const channel = typeof BroadcastChannel === "undefined" ? null : new BroadcastChannel("session");
let leave: () => void = () => undefined;

/** Forget what this tab knows, and show the way in. */
function forget(): void {
  live.close();
  queryClient.clear();
  localStorage.removeItem("recent"); // pages that one had open are nobody else's business
  leave();
}

/** `goToLogin`: how this page shows the way in. */
export function onSignedOut(goToLogin: () => void): void {
  leave = goToLogin;
  channel?.addEventListener("message", forget);
}

/** End the session, in all tabs. Raises `Problem` when the server does not answer. */
export async function signOut(): Promise<void> {
  await queryClient.cancelQueries(); // what is under way would come back as a refusal
  try {
    await api.POST("/v1/auth/logout");
  } catch (error) {
    if (!isProblem(error) || error.status !== 401) throw error; // 401: it had ended already
  }
  channel?.postMessage("out");
  forget();
}
