import { createFileRoute } from "@tanstack/react-router";

import { RunsPage } from "@/features/runs/components/runs-page";
import { runListSearch } from "@/features/runs/search";

export const Route = createFileRoute("/_shell/runs/")({
  validateSearch: runListSearch,
  staticData: { crumb: "Runs" },
  component: RunsRoute,
});

function RunsRoute() {
  return <RunsPage search={Route.useSearch()} />;
}
