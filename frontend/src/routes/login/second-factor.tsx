import { createFileRoute } from "@tanstack/react-router";
import { z } from "zod";

import { SecondFactorPage } from "@/features/auth/components/second-factor-page";

export const Route = createFileRoute("/login/second-factor")({
  validateSearch: z.object({ next: z.string().optional().catch(undefined) }),
  component: SecondFactorRoute,
});

function SecondFactorRoute() {
  return <SecondFactorPage next={Route.useSearch().next} />;
}
