import { createFileRoute } from "@tanstack/react-router";
import { z } from "zod";

import { LoginPage } from "@/features/auth/components/login-page";

export const Route = createFileRoute("/login")({
  validateSearch: z.object({ next: z.string().optional().catch(undefined) }),
  component: LoginPage,
});
