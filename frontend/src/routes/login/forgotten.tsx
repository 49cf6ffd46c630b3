import { createFileRoute } from "@tanstack/react-router";

import { ForgottenPage } from "@/features/auth/components/forgotten-page";

export const Route = createFileRoute("/login/forgotten")({ component: ForgottenPage });
