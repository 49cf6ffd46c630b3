import { queryOptions } from "@tanstack/react-query";

import { api, ok } from "@/api/client";
import { queryClient } from "@/api/query-client";

const UNDER_WAY = new Set(["waiting", "running"]);

/** Begun by asking for it; asked again until it is there. */
export const exportQuery = () =>
  queryOptions({
    queryKey: ["profile", "export"],
    queryFn: ({ signal }) => ok(api.GET("/v1/users/me/export", { signal })),
    refetchInterval: ({ state }) => (state.data && UNDER_WAY.has(state.data.status) ? 2_000 : false),
    staleTime: 0,
  });

/** The page is loaded anew: nothing of the person is left in it. */
export async function endAccount(confirm: string): Promise<void> {
  await ok(api.POST("/v1/users/me/delete", { body: { confirm } }));
  queryClient.clear();
  location.assign("/login/");
}
