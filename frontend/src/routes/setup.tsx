import { createFileRoute, redirect } from "@tanstack/react-router";
import * as z from "zod/mini";

import { authStatusQuery } from "@/api/auth-status";
import { SetupPage } from "@/features/auth/components/setup-page";
import { optional } from "@/lib/search";

export const Route = createFileRoute("/setup")({
  validateSearch: z.object({ token: optional(z.string()) }),
  beforeLoad: async ({ context, cause }) => {
    if (cause === "stay") return;
    const status = await context.queryClient.fetchQuery(authStatusQuery());
    if (!status.setup_needed) throw redirect({ to: "/login", replace: true });
  },
  component: SetupRoute,
});

function SetupRoute() {
  return <SetupPage token={Route.useSearch().token} />;
}
