import type { QueryClient } from "@tanstack/react-query";
import { createRootRouteWithContext, Outlet } from "@tanstack/react-router";

import { Reauthentication } from "@/components/reauthentication";
import { Toaster } from "@/components/toaster";

export const Route = createRootRouteWithContext<{ queryClient: QueryClient }>()({
  component: () => (
    <>
      <Outlet />
      <Reauthentication />
      <Toaster />
    </>
  ),
});
