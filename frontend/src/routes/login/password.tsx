import { createFileRoute } from "@tanstack/react-router";

import { PasswordPage } from "@/features/auth/components/password-page";

export const Route = createFileRoute("/login/password")({ component: PasswordPage });
