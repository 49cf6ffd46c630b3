import { useMutation, useQueryClient } from "@tanstack/react-query";

import { api, ok } from "@/api/client";
import { sessionKeys, type SessionDetail } from "@/api/sessions";
import type { SearchEverywhere } from "@/components/transcript/everywhere";
import type { EventPage } from "@/components/transcript/use-transcript";

const TAIL = 500;
const OLDER = 1_000;

/** The last events of a session before an id. They have the ids of their topic: with others between them. */
export async function fetchSessionEvents(session_id: string, before: string | null, signal?: AbortSignal): Promise<EventPage> {
  const events = before ? OLDER : TAIL;
  const query = { events, before: before ? Number(before) : undefined };
  const found = await ok(api.GET("/v1/sessions/{session_id}", { params: { path: { session_id }, query }, signal }));
  const items = found.events.map(({ id, type, timestamp, data }) => ({ id, type, ts: timestamp, data }));
  return { items, next: items.at(-1)?.id ?? null, isBeginning: items.length < events };
}

/** All that the session wrote, at the server. */
export const wholeOf = (session_id: string): { id: string; search: SearchEverywhere; address: string } => ({
  id: session_id,
  address: `/v1/sessions/${encodeURIComponent(session_id)}/transcript`,
  search: (q, after, signal) =>
    ok(api.GET("/v1/sessions/{session_id}/search", { params: { path: { session_id }, query: { q, after } }, signal })),
});

/** The topic that tells its events. */
export const topicOf = (session: SessionDetail): string =>
  session.run_id ? `run:${session.run_id}` : `session:${session.id}`;

export function useStopSession() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (session_id: string) =>
      ok(api.POST("/v1/sessions/{session_id}/stop", { params: { path: { session_id } } })),
    onSettled: () => client.invalidateQueries({ queryKey: sessionKeys.all }),
  });
}
