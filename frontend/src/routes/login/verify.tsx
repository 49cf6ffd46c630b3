import { createFileRoute } from "@tanstack/react-router";
import { z } from "zod";

import { VerifyPage } from "@/features/auth/components/verify-page";
import { pendingQuery } from "@/features/auth/queries";

export const Route = createFileRoute("/login/verify")({
  validateSearch: z.object({ next: z.string().optional().catch(undefined) }),
  loader: ({ context }) => context.queryClient.fetchQuery(pendingQuery()),
  component: VerifyRoute,
});

function VerifyRoute() {
  return <VerifyPage next={Route.useSearch().next} />;
}
