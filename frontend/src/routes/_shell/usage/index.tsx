import { createFileRoute } from "@tanstack/react-router";

import { UsagePage } from "@/features/usage/components/usage-page";
import { usageSearch } from "@/features/usage/search";

export const Route = createFileRoute("/_shell/usage/")({
  validateSearch: usageSearch,
  component: UsagePage,
});
