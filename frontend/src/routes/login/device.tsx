import { createFileRoute } from "@tanstack/react-router";
import * as z from "zod/mini";

import { DevicePage } from "@/features/auth/components/device-page";
import { signedIn } from "@/features/auth/signed-in";
import { optional } from "@/lib/search";

export const Route = createFileRoute("/login/device")({
  validateSearch: z.object({ code: optional(z.string()) }),
  beforeLoad: signedIn,
  component: DeviceRoute,
});

function DeviceRoute() {
  return <DevicePage code={Route.useSearch().code} />;
}
