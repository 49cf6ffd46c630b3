import { createFileRoute } from "@tanstack/react-router";

import { NotificationSectionPage } from "@/features/notifications/components/section-page";

export const Route = createFileRoute("/_shell/notifications/$section")({
  staticData: { crumb: "Notifications" },
  component: NotificationSectionPage,
});
