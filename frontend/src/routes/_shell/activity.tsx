import { createFileRoute } from "@tanstack/react-router";

import { ActivityPage } from "@/features/sessions/components/activity-page";
import { activitySearch } from "@/features/sessions/search";

export const Route = createFileRoute("/_shell/activity")({
  validateSearch: activitySearch,
  staticData: { crumb: "Activity" },
  component: ActivityPage,
});
