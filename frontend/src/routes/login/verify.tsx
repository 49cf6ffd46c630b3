import { createFileRoute } from "@tanstack/react-router";
import * as z from "zod/mini";

import { VerifyPage } from "@/features/auth/components/verify-page";
import { pendingQuery } from "@/features/auth/queries";
import { optional } from "@/lib/search";

export const Route = createFileRoute("/login/verify")({
  validateSearch: z.object({ next: optional(z.string()) }),
  loader: ({ context }) => context.queryClient.fetchQuery(pendingQuery()),
  component: VerifyRoute,
});

function VerifyRoute() {
  return <VerifyPage next={Route.useSearch().next} />;
}
