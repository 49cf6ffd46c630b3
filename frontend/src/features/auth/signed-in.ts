import type { QueryClient } from "@tanstack/react-query";
import { redirect } from "@tanstack/react-router";

import { meQuery } from "@/api/me";
import { isProblem } from "@/api/problem";
import { comingBack } from "@/lib/next";

interface Coming {
  context: { queryClient: QueryClient };
  location: { href: string };
}

/** `beforeLoad` of a page outside the shell that is for who has signed in: others sign in first. */
export async function signedIn({ context, location }: Coming): Promise<void> {
  try {
    await context.queryClient.ensureQueryData(meQuery);
  } catch (error) {
    if (!isProblem(error) || error.status !== 401) throw error;
    throw redirect({ to: "/login", search: comingBack(location.href) });
  }
}
