import { createFileRoute, redirect } from "@tanstack/react-router";
import * as z from "zod/mini";

import { meQuery } from "@/api/me";
import { problemOf } from "@/api/problem";
import { DevicePage } from "@/features/auth/components/device-page";
import { optional } from "@/lib/search";

export const Route = createFileRoute("/login/device")({
  validateSearch: z.object({ code: optional(z.string()) }),
  beforeLoad: async ({ context, location }) => {
    try {
      await context.queryClient.ensureQueryData(meQuery);
    } catch (error) {
      if (problemOf(error).status !== 401) throw error;
      throw redirect({ to: "/login", search: { next: location.href } });
    }
  },
  component: DeviceRoute,
});

function DeviceRoute() {
  return <DevicePage code={Route.useSearch().code} />;
}
