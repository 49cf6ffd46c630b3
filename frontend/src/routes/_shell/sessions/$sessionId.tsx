import { createFileRoute } from "@tanstack/react-router";

import { sessionQuery } from "@/api/sessions";
import { SessionPage } from "@/features/sessions/components/session-page";
import { sessionSearch } from "@/features/sessions/search";

export const Route = createFileRoute("/_shell/sessions/$sessionId")({
  validateSearch: sessionSearch,
  loader: ({ context, params }) => context.queryClient.ensureQueryData(sessionQuery(params.sessionId)),
  staticData: { crumb: "Session" },
  component: SessionPage,
});
