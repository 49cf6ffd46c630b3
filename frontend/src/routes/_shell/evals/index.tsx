import { createFileRoute } from "@tanstack/react-router";

import { EvalsPage } from "@/features/evals/components/evals-page";

export const Route = createFileRoute("/_shell/evals/")({
  staticData: { crumb: "Evaluations" },
  component: EvalsPage,
});
