import { createFileRoute } from "@tanstack/react-router";

import { PipelinePage } from "@/features/pipelines/components/pipeline-page";
import { pipelineQuery } from "@/features/pipelines/queries";
import { pipelineSearch } from "@/features/pipelines/search";

export const Route = createFileRoute("/_shell/pipelines/$pipelineId")({
  validateSearch: pipelineSearch,
  loader: ({ context, params }) => void context.queryClient.prefetchQuery(pipelineQuery(params.pipelineId)),
  staticData: { crumb: "Pipeline" },
  component: PipelineRoute,
});

function PipelineRoute() {
  return <PipelinePage id={Route.useParams().pipelineId} search={Route.useSearch()} />;
}
