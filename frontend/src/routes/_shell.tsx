import { createFileRoute, redirect } from "@tanstack/react-router";

import { meQuery } from "@/api/me";
import { isProblem } from "@/api/problem";
import { Shell } from "@/components/shell/shell";

/** Everything for people who have signed in. */
export const Route = createFileRoute("/_shell")({
  beforeLoad: async ({ context, location }) => {
    try {
      await context.queryClient.ensureQueryData(meQuery);
    } catch (error) {
      if (!isProblem(error) || error.status !== 401) throw error;
      throw redirect({ to: "/login", search: { next: location.href } });
    }
  },
  component: Shell,
});
