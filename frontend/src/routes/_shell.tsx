import { createFileRoute, redirect } from "@tanstack/react-router";

import { meQuery } from "@/api/me";
import { isProblem } from "@/api/problem";
import { Shell } from "@/components/shell/shell";
import { comingBack } from "@/lib/next";

/** Everything for people who have signed in. */
export const Route = createFileRoute("/_shell")({
  beforeLoad: async ({ context, location }) => {
    try {
      const me = await context.queryClient.ensureQueryData(meQuery);
      if (me.must_change_password) throw redirect({ to: "/login/password" });
      if (me.second_factor_needed)
        throw redirect({ to: "/login/second-factor", search: { next: location.href } });
    } catch (error) {
      if (!isProblem(error) || error.status !== 401) throw error;
      throw redirect({ to: "/login", search: comingBack(location.href) });
    }
  },
  component: Shell,
});
