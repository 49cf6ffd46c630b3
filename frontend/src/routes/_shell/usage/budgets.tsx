import { createFileRoute } from "@tanstack/react-router";

import { BudgetsPage } from "@/features/budgets/components/budgets-page";

export const Route = createFileRoute("/_shell/usage/budgets")({ component: BudgetsPage });
