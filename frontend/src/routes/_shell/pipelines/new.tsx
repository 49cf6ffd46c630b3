import { createFileRoute } from "@tanstack/react-router";

import { NewPipelinePage } from "@/features/pipelines/components/new-pipeline-page";

export const Route = createFileRoute("/_shell/pipelines/new")({
  staticData: { crumb: "New pipeline" },
  component: NewPipelinePage,
});
