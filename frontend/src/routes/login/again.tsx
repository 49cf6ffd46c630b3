import { createFileRoute } from "@tanstack/react-router";
import * as z from "zod/mini";

import { AgainPage } from "@/features/auth/components/again-page";
import { signedIn } from "@/features/auth/signed-in";
import { optional } from "@/lib/search";

export const Route = createFileRoute("/login/again")({
  validateSearch: z.object({ next: optional(z.string()) }),
  beforeLoad: signedIn,
  component: AgainRoute,
});

function AgainRoute() {
  return <AgainPage next={Route.useSearch().next} />;
}
