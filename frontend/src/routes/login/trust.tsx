import { createFileRoute } from "@tanstack/react-router";
import { z } from "zod";

import { TrustPage } from "@/features/auth/components/trust-page";
import { pendingQuery } from "@/features/auth/queries";

export const Route = createFileRoute("/login/trust")({
  validateSearch: z.object({ next: z.string().optional().catch(undefined) }),
  loader: ({ context }) => context.queryClient.fetchQuery(pendingQuery()),
  component: TrustRoute,
});

function TrustRoute() {
  return <TrustPage next={Route.useSearch().next} />;
}
