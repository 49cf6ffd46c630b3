import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import {
  createMemoryHistory, createRootRoute, createRoute, createRouter, RouterProvider,
} from "@tanstack/react-router";
import { render, type RenderResult } from "@testing-library/react";
import type { ReactNode } from "react";

import { ThemeProvider } from "@/components/theme";

/**
 * Render with all that components expect around them: theme, query cache, a router whose links go
 * nowhere. Returns when the content is there.
 */
export async function renderInApp(content: ReactNode, client = new QueryClient()): Promise<RenderResult> {
  const root = createRootRoute();
  const here = createRoute({ getParentRoute: () => root, path: "$", component: () => content });
  const router = createRouter({
    routeTree: root.addChildren([here]),
    history: createMemoryHistory({ initialEntries: ["/here"] }),
  });
  await router.load();
  return render(
    <QueryClientProvider client={client}>
      <ThemeProvider>
        {/* The types of the app's router do not hold for this one. */}
        <RouterProvider router={router as never} />
      </ThemeProvider>
    </QueryClientProvider>,
  );
}
