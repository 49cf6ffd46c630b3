import { createFileRoute } from "@tanstack/react-router";
import * as z from "zod/mini";

import { TrustPage } from "@/features/auth/components/trust-page";
import { pendingQuery } from "@/features/auth/queries";
import { optional } from "@/lib/search";

export const Route = createFileRoute("/login/trust")({
  validateSearch: z.object({ next: optional(z.string()) }),
  loader: ({ context }) => context.queryClient.fetchQuery(pendingQuery()),
  component: TrustRoute,
});

function TrustRoute() {
  return <TrustPage next={Route.useSearch().next} />;
}
