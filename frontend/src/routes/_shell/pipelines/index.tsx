import { createFileRoute } from "@tanstack/react-router";

import { pipelinesQuery } from "@/api/pipelines";
import { PipelinesPage } from "@/features/pipelines/components/pipelines-page";

export const Route = createFileRoute("/_shell/pipelines/")({
  loader: ({ context }) => void context.queryClient.prefetchQuery(pipelinesQuery()),
  staticData: { crumb: "Pipelines" },
  component: PipelinesPage,
});
