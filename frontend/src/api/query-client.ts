import { QueryClient } from "@tanstack/react-query";

import { isProblem } from "./problem";

const TRIES = 2;

/** Server state lives here and nowhere else. Frames of the socket keep it fresh, not polling. */
export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 30_000,
      gcTime: 5 * 60_000,
      refetchOnWindowFocus: false,
      retry: (failures, error) =>
        failures < TRIES && isProblem(error) && (error.status === 0 || error.status >= 502),
      retryDelay: (attempt) => 500 * 2 ** attempt,
    },
    mutations: { retry: false },
  },
});
