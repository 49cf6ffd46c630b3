import { createFileRoute } from "@tanstack/react-router";

import { AboutPage } from "@/features/about/components/about-page";
import { statusQuery } from "@/features/about/queries";

export const Route = createFileRoute("/_shell/about")({
  loader: ({ context }) => context.queryClient.ensureQueryData(statusQuery),
  component: AboutPage,
});
