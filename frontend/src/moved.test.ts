import { createMemoryHistory, createRouter } from "@tanstack/react-router";
import { describe, expect, it } from "vitest";

import { queryClient } from "@/api/query-client";
import { isSection as isAdmin } from "@/features/admin/search";
import { isSection as isProfile } from "@/features/profile/search";
import { isSection as isSetting } from "@/features/settings/search";
import { routeTree } from "@/routeTree.gen";

import { moved, TABS } from "./moved";

const router = createRouter({ routeTree, history: createMemoryHistory(), context: { queryClient } });
const SECTIONS: Record<string, (name: string) => boolean> = { settings: isSetting, profile: isProfile, admin: isAdmin };

/** Whether there is a page of that address. */
function exists(address: string): boolean {
  const { pathname } = new URL(address, "http://here.invalid");
  const [, area = "", section = ""] = pathname.split("/");
  const fits = SECTIONS[area]?.(section) ?? true;
  const found = router.getMatchedRoutes(pathname)[2];
  return fits && found !== undefined && found.id !== "/_shell/$"; // which takes every address
}

const OLD = [
  ["/app", "/"],
  ["/app/", "/"],
  ["/app/runs/run_1?step=PLAN#end", "/runs/run_1?step=PLAN#end"],
  ["/app/settings?tab=models", "/settings/models"],
  ["/login/2fa", "/login/verify"],
  ["/auth/callback", "/"],
  ["/reset/a-key", "/login/reset/a-key"],
  ["/invite/a-token", "/invite?token=a-token"],
  ["/pipelines/bugfix/yaml", "/pipelines/bugfix?tab=yaml"],
  ["/agents/stas/persona", "/agents/stas?tab=persona"],
  ["/admin#users", "/admin/users"],
  ["/profile/?tab=auth", "/profile/security"],
  ...Object.entries(TABS).flatMap(([path, tabs]) =>
    Object.entries(tabs).map(([tab, there]) => [`${path}?tab=${tab}`, there] as const),
  ),
] as const;

describe("old addresses", () => {
  it.each(OLD)("%s is %s", (old, present) => {
    expect(moved(old)).toBe(present);
    expect(exists(present)).toBe(true);
    expect(moved(present), "and stays there").toBeNull();
  });

  it.each(["/", "/runs", "/runs/run_1", "/agents/stas?tab=persona", "/settings/secrets", "/application", "/login/verify"])(
    "%s is none",
    (address) => expect(moved(address)).toBeNull(),
  );
});
