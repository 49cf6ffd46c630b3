import { createFileRoute } from "@tanstack/react-router";

import { WaitlistPage } from "@/features/auth/components/waitlist-page";
import { authStatusQuery } from "@/features/auth/queries";

export const Route = createFileRoute("/login/waitlist")({
  loader: ({ context }) => context.queryClient.ensureQueryData(authStatusQuery()),
  component: WaitlistPage,
});
