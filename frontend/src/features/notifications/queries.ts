import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";

import { api, ok, type Schemas } from "@/api/client";
import { notificationKeys } from "@/api/notifications";

export type Rule = Schemas["NotificationRule"];
export type Webhook = Schemas["Webhook"];

export const rulesQuery = () =>
  queryOptions({
    queryKey: notificationKeys.rules,
    queryFn: ({ signal }) => ok(api.GET("/v1/notifications/rules", { signal })),
    select: (found) => found.rules,
  });

export const webhooksQuery = () =>
  queryOptions({
    queryKey: notificationKeys.webhooks,
    queryFn: ({ signal }) => ok(api.GET("/v1/notifications/webhooks", { signal })),
  });

/** The API takes all rules at once. */
export function useSaveRules() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (rules: Rule[]) => ok(api.PUT("/v1/notifications/rules", { body: { rules } })),
    onSuccess: (saved) => client.setQueryData(notificationKeys.rules, saved),
  });
}

export function useSendTest() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => ok(api.POST("/v1/notifications/test")),
    onSuccess: () => client.invalidateQueries({ queryKey: notificationKeys.all }),
  });
}

export function useAnnounce() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: Schemas["AnnouncementRequest"]) => ok(api.POST("/v1/notifications", { body })),
    onSuccess: () => client.invalidateQueries({ queryKey: notificationKeys.all }),
  });
}

function useFreshWebhooks() {
  const client = useQueryClient();
  return () =>
    Promise.all([
      client.invalidateQueries({ queryKey: notificationKeys.webhooks }),
      client.invalidateQueries({ queryKey: notificationKeys.rules }),
    ]);
}

export function useCreateWebhook() {
  const onSuccess = useFreshWebhooks();
  return useMutation({
    mutationFn: (body: Schemas["WebhookChangeRequest"]) => ok(api.POST("/v1/notifications/webhooks", { body })),
    onSuccess,
    gcTime: 0, // its secret does not stay in the cache
  });
}

export function useChangeWebhook() {
  const onSettled = useFreshWebhooks();
  return useMutation({
    mutationFn: ({ id, ...body }: { id: string } & Schemas["PatchedWebhookChangeRequest"]) =>
      ok(api.PATCH("/v1/notifications/webhooks/{webhook_id}", { params: { path: { webhook_id: id } }, body })),
    onSettled,
  });
}

export function useDeleteWebhook() {
  const onSettled = useFreshWebhooks();
  return useMutation({
    mutationFn: (webhook_id: string) =>
      ok(api.DELETE("/v1/notifications/webhooks/{webhook_id}", { params: { path: { webhook_id } } })),
    onSettled,
  });
}
