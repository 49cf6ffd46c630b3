import { createFileRoute, redirect } from "@tanstack/react-router";
import { z } from "zod";

import { SetupPage } from "@/features/auth/components/setup-page";
import { authStatusQuery } from "@/features/auth/queries";

export const Route = createFileRoute("/setup")({
  validateSearch: z.object({ token: z.string().optional().catch(undefined) }),
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
