import { infiniteQueryOptions, queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";

import { api, ok, type Schemas } from "./client";
import { byCursor, said } from "./paging";

export type Notification = Schemas["Notification"];
export interface InboxAsk {
  unread?: boolean | undefined;
  kind?: string | undefined;
}

export const notificationKeys = {
  all: ["notifications"] as const,
  unread: ["notifications", "unread"] as const,
  latest: ["notifications", "latest"] as const,
  inbox: (ask: InboxAsk) => ["notifications", "inbox", ask] as const,
  rules: ["notification-rules"] as const,
  webhooks: ["notification-webhooks"] as const,
};

export const unreadQuery = () =>
  queryOptions({
    queryKey: notificationKeys.unread,
    queryFn: ({ signal }) => ok(api.GET("/v1/notifications/unread", { signal })),
  });

const LATEST = 8;

/** The newest few, read or not. */
export const latestQuery = () =>
  queryOptions({
    queryKey: notificationKeys.latest,
    queryFn: ({ signal }) => ok(api.GET("/v1/notifications", { params: { query: { limit: LATEST } }, signal })),
  });

export const inboxQuery = (ask: InboxAsk) =>
  infiniteQueryOptions({
    ...byCursor,
    queryKey: notificationKeys.inbox(ask),
    queryFn: ({ pageParam, signal }) =>
      ok(api.GET("/v1/notifications", { params: { query: said({ ...ask, cursor: pageParam }) }, signal })),
  });

function useFreshInbox() {
  const client = useQueryClient();
  return () => client.invalidateQueries({ queryKey: notificationKeys.all });
}

export function useMarkRead() {
  const onSettled = useFreshInbox();
  return useMutation({
    mutationFn: (notification_id: string) =>
      ok(api.POST("/v1/notifications/{notification_id}/read", { params: { path: { notification_id } } })),
    onSettled,
  });
}

export function useMarkAllRead() {
  const onSettled = useFreshInbox();
  return useMutation({ mutationFn: () => ok(api.POST("/v1/notifications/read-all")), onSettled });
}

export function useDismiss() {
  const onSettled = useFreshInbox();
  return useMutation({
    mutationFn: (notification_id: string) =>
      ok(api.DELETE("/v1/notifications/{notification_id}", { params: { path: { notification_id } } })),
    onSettled,
  });
}
