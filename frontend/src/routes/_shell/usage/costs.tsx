import { createFileRoute } from "@tanstack/react-router";

import { CostsPage } from "@/features/usage/components/costs-page";

export const Route = createFileRoute("/_shell/usage/costs")({ component: CostsPage });
