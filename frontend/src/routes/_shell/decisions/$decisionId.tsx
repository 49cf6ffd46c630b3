import { createFileRoute } from "@tanstack/react-router";

import { DecisionPage } from "@/features/decisions/components/decision-page";

export const Route = createFileRoute("/_shell/decisions/$decisionId")({ component: DecisionPage });
