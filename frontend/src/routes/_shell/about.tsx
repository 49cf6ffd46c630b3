import { createFileRoute } from "@tanstack/react-router";

import { statusQuery } from "@/api/system";
import { AboutPage } from "@/features/about/components/about-page";

export const Route = createFileRoute("/_shell/about")({
  loader: ({ context }) => context.queryClient.ensureQueryData(statusQuery()),
  component: AboutPage,
});
