import { createFileRoute } from "@tanstack/react-router";

import { CallsPage } from "@/features/usage/components/calls-page";
import { callsSearch } from "@/features/usage/search";

export const Route = createFileRoute("/_shell/usage/calls")({
  validateSearch: callsSearch,
  component: CallsPage,
});
