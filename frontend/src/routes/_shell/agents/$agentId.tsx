import { createFileRoute } from "@tanstack/react-router";

import { AgentPage } from "@/features/agents/components/agent-page";
import { agentQuery } from "@/features/agents/queries";
import { agentSearch } from "@/features/agents/search";

export const Route = createFileRoute("/_shell/agents/$agentId")({
  validateSearch: agentSearch,
  loader: ({ context, params }) => context.queryClient.ensureQueryData(agentQuery(params.agentId)),
  staticData: { crumb: "Agent" },
  component: AgentPage,
});
