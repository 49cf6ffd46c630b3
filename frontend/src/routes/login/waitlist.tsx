import { createFileRoute } from "@tanstack/react-router";

import { authStatusQuery } from "@/api/auth-status";
import { WaitlistPage } from "@/features/auth/components/waitlist-page";

export const Route = createFileRoute("/login/waitlist")({
  loader: ({ context }) => context.queryClient.ensureQueryData(authStatusQuery()),
  component: WaitlistPage,
});
