import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";

import { api, ok, type Schemas } from "./client";
import { byCursor, said } from "./paging";

const BOX_LOOK_MS = 5_000;

export type Session = Schemas["Session"];

export interface SessionFilter {
  agent_id?: string;
  run_id?: string;
  source?: Schemas["SessionSourceEnum"];
  status?: Schemas["SessionStatusEnum"];
}

export const sessionKeys = {
  all: ["sessions"] as const,
  list: (filter: SessionFilter) => ["sessions", "list", filter] as const,
  one: (id: string) => ["sessions", "one", id] as const,
};

export const sessionsQuery = (filter: SessionFilter = {}, limit = 50) =>
  infiniteQueryOptions({
    ...byCursor,
    queryKey: [...sessionKeys.list(filter), limit],
    queryFn: ({ pageParam, signal }) =>
      ok(
        api.GET("/v1/sessions", {
          params: { query: said({ ...filter, limit, cursor: pageParam }) },
          signal,
        }),
      ),
  });

export type SessionDetail = Schemas["SessionDetail"];

/** A session with its prompts and boxes; its events are read apart. */
export const sessionQuery = (session_id: string) =>
  queryOptions({
    queryKey: sessionKeys.one(session_id),
    queryFn: ({ signal }) =>
      ok(api.GET("/v1/sessions/{session_id}", { params: { path: { session_id }, query: { events: 0 } }, signal })),
  });

/** Its boxes with what they take up; asked again and again while one runs, since nothing tells of it. */
export const sessionBoxesQuery = (session_id: string, isLive: boolean) =>
  queryOptions({
    queryKey: [...sessionKeys.one(session_id), "boxes"],
    queryFn: ({ signal }) => ok(api.GET("/v1/containers", { params: { query: { session_id } }, signal })),
    refetchInterval: isLive ? BOX_LOOK_MS : false,
  });

/** The end of what a box that runs writes. Its worker is asked. */
export const boxLogQuery = (container_id: number) =>
  queryOptions({
    queryKey: [...sessionKeys.all, "box-log", container_id],
    queryFn: ({ signal }) =>
      ok(api.GET("/v1/containers/{container_id}/logs", { params: { path: { container_id }, query: { tail: 200 } }, signal })),
    refetchInterval: BOX_LOOK_MS,
  });

/** Which hosts it reached or tried to. */
export const egressQuery = (session_id: string) =>
  queryOptions({
    queryKey: [...sessionKeys.one(session_id), "egress"],
    queryFn: ({ signal }) =>
      ok(api.GET("/v1/sessions/{session_id}/egress", { params: { path: { session_id } }, signal })),
  });
