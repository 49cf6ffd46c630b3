import { createFileRoute } from "@tanstack/react-router";
import * as z from "zod/mini";

import { SecondFactorPage } from "@/features/auth/components/second-factor-page";
import { optional } from "@/lib/search";

export const Route = createFileRoute("/login/second-factor")({
  validateSearch: z.object({ next: optional(z.string()) }),
  component: SecondFactorRoute,
});

function SecondFactorRoute() {
  return <SecondFactorPage next={Route.useSearch().next} />;
}
