import { createFileRoute } from "@tanstack/react-router";
import { z } from "zod";

import { authStatusQuery } from "@/api/auth-status";
import { LoginPage } from "@/features/auth/components/login-page";

export const Route = createFileRoute("/login/")({
  validateSearch: z.object({
    next: z.string().optional().catch(undefined),
    error: z.string().optional().catch(undefined),
  }),
  loader: ({ context }) => context.queryClient.ensureQueryData(authStatusQuery()),
  component: LoginRoute,
});

function LoginRoute() {
  const { next, error } = Route.useSearch();
  return <LoginPage next={next} refusal={error} />;
}
