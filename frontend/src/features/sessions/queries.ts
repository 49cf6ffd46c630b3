import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";

import { api, ok } from "@/api/client";
import { sessionKeys } from "@/api/sessions";

const TAIL = 2_000;

/** A session with the end of its transcript. */
export const sessionQuery = (session_id: string) =>
  queryOptions({
    queryKey: sessionKeys.one(session_id),
    queryFn: ({ signal }) =>
      ok(
        api.GET("/v1/sessions/{session_id}", {
          params: { path: { session_id }, query: { events: TAIL } },
          signal,
        }),
      ),
  });

/** Which hosts it reached or tried to. */
export const egressQuery = (session_id: string) =>
  queryOptions({
    queryKey: [...sessionKeys.one(session_id), "egress"],
    queryFn: ({ signal }) =>
      ok(api.GET("/v1/sessions/{session_id}/egress", { params: { path: { session_id } }, signal })),
  });

export function useStopSession() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (session_id: string) =>
      ok(api.POST("/v1/sessions/{session_id}/stop", { params: { path: { session_id } } })),
    onSettled: () => client.invalidateQueries({ queryKey: sessionKeys.all }),
  });
}
