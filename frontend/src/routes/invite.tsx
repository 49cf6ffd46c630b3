import { createFileRoute } from "@tanstack/react-router";
import { z } from "zod";

import { InvitePage } from "@/features/auth/components/invite-page";

export const Route = createFileRoute("/invite")({
  validateSearch: z.object({ token: z.string().catch("") }),
  component: InviteRoute,
});

function InviteRoute() {
  return <InvitePage token={Route.useSearch().token} />;
}
