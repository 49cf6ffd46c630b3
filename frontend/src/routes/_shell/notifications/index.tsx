import { createFileRoute } from "@tanstack/react-router";

import { InboxPage } from "@/features/notifications/components/inbox-page";
import { inboxSearch } from "@/features/notifications/search";

export const Route = createFileRoute("/_shell/notifications/")({
  validateSearch: inboxSearch,
  component: InboxPage,
});
