import { createFileRoute } from "@tanstack/react-router";

import { EvaluationPage } from "@/features/evals/components/evaluation-page";
import { evaluationQuery } from "@/features/evals/queries";

export const Route = createFileRoute("/_shell/evals/$evaluationId")({
  loader: ({ context, params }) => context.queryClient.ensureQueryData(evaluationQuery(params.evaluationId)),
  staticData: { crumb: "Evaluation" },
  component: EvaluationPage,
});
