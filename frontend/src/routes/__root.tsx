import type { QueryClient } from "@tanstack/react-query";
import { createRootRouteWithContext, Outlet } from "@tanstack/react-router";
import { lazy, Suspense } from "react";

import { NotFound } from "@/components/ui/problem-panel";

const Reauthentication = lazy(async () => ({
  default: (await import("@/components/reauthentication")).Reauthentication,
}));
const Toaster = lazy(async () => ({ default: (await import("@/components/toaster")).Toaster }));

export const Route = createRootRouteWithContext<{ queryClient: QueryClient }>()({
  notFoundComponent: () => (
    <main>
      <NotFound />
    </main>
  ),
  component: () => (
    <>
      <Outlet />
      <Suspense>
        <Reauthentication />
        <Toaster />
      </Suspense>
    </>
  ),
});
