import { createFileRoute } from "@tanstack/react-router";

import { SessionPage } from "@/features/sessions/components/session-page";
import { sessionQuery } from "@/features/sessions/queries";
import { sessionSearch } from "@/features/sessions/search";

export const Route = createFileRoute("/_shell/sessions/$sessionId")({
  validateSearch: sessionSearch,
  loader: ({ context, params }) => context.queryClient.ensureQueryData(sessionQuery(params.sessionId)),
  staticData: { crumb: "Session" },
  component: SessionPage,
});
