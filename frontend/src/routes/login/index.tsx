import { createFileRoute } from "@tanstack/react-router";
import * as z from "zod/mini";

import { authStatusQuery } from "@/api/auth-status";
import { LoginPage } from "@/features/auth/components/login-page";
import { optional } from "@/lib/search";

export const Route = createFileRoute("/login/")({
  validateSearch: z.object({
    next: optional(z.string()),
    error: optional(z.string()),
  }),
  loader: ({ context }) => context.queryClient.ensureQueryData(authStatusQuery()),
  component: LoginRoute,
});

function LoginRoute() {
  const { next, error } = Route.useSearch();
  return <LoginPage next={next} refusal={error} />;
}
