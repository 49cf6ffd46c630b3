import { createFileRoute } from "@tanstack/react-router";

import { DecisionsPage } from "@/features/decisions/components/decisions-page";
import { decisionsSearch } from "@/features/decisions/search";

export const Route = createFileRoute("/_shell/decisions/")({
  validateSearch: decisionsSearch,
  component: DecisionsPage,
});
