import { createFileRoute } from "@tanstack/react-router";

import { RunPage } from "@/features/runs/components/run-page";
import { runGraphQuery, runQuery } from "@/features/runs/queries";
import { runSearch } from "@/features/runs/search";

export const Route = createFileRoute("/_shell/runs/$runId")({
  validateSearch: runSearch,
  loader: ({ context, params }) => {
    void context.queryClient.prefetchQuery(runQuery(params.runId));
    void context.queryClient.prefetchQuery(runGraphQuery(params.runId));
  },
  staticData: { crumb: "Run" },
  component: RunRoute,
});

function RunRoute() {
  return <RunPage runId={Route.useParams().runId} search={Route.useSearch()} />;
}
