import { createFileRoute } from "@tanstack/react-router";
import * as z from "zod/mini";

import { InvitePage } from "@/features/auth/components/invite-page";

export const Route = createFileRoute("/invite")({
  validateSearch: z.object({ token: z.catch(z.string(), "") }),
  component: InviteRoute,
});

function InviteRoute() {
  return <InvitePage token={Route.useSearch().token} />;
}
