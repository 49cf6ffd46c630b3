import { createFileRoute } from "@tanstack/react-router";

import { AgentsPage } from "@/features/agents/components/agents-page";
import { agentsSearch } from "@/features/agents/search";

export const Route = createFileRoute("/_shell/agents/")({
  validateSearch: agentsSearch,
  staticData: { crumb: "Agents" },
  component: AgentsPage,
});
