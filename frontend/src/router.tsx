import { createRouter } from "@tanstack/react-router";

import { queryClient } from "@/api/query-client";
import { SkeletonRows } from "@/components/ui/skeleton";
import { Page } from "@/components/ui/page-header";
import { NotFound } from "@/components/ui/problem-panel";
import { FailedPage } from "@/components/failed-page";
import { BASE_PATH } from "@/lib/base";

import { routeTree } from "./routeTree.gen";

const PENDING_MS = 150;

export const router = createRouter({
  routeTree,
  basepath: BASE_PATH,
  context: { queryClient },
  defaultPreload: "intent",
  defaultPreloadStaleTime: 0, // the query cache decides what is fresh
  defaultPendingMs: PENDING_MS,
  defaultPendingMinMs: 0,
  scrollRestoration: true,
  defaultPendingComponent: () => (
    <Page>
      <SkeletonRows />
    </Page>
  ),
  defaultErrorComponent: FailedPage,
  defaultNotFoundComponent: () => <NotFound />,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
