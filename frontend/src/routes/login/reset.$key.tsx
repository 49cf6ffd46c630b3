import { createFileRoute } from "@tanstack/react-router";

import { ResetPage } from "@/features/auth/components/reset-page";

export const Route = createFileRoute("/login/reset/$key")({ component: ResetRoute });

function ResetRoute() {
  return <ResetPage resetKey={Route.useParams().key} />;
}
