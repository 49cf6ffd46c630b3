import { useQuery } from "@tanstack/react-query";
import { Outlet } from "@tanstack/react-router";
import { useEffect } from "react";

import { useMe } from "@/api/me";
import { usePreferences, useSetPreferences } from "@/api/preferences";
import { visitQuery } from "@/api/visit";
import { live } from "@/live/socket";

import { BottomBar } from "./bottom-bar";
import { Keys } from "./keys";
import { navFor } from "./nav";
import { Rail } from "./rail";
import { RouteAnnouncer } from "./route-announcer";
import { TopBar } from "./top-bar";
import { useNavCounts } from "./use-nav-counts";
import { usePreferencesApplied } from "./use-preferences-applied";

/** Rail, top bar and the room for pages, for people who have signed in. */
export function Shell() {
  const me = useMe();
  const groups = navFor(me);
  const counts = useNavCounts();
  const { narrow_rail: narrow = false } = usePreferences();
  const keep = useSetPreferences();
  usePreferencesApplied();
  useQuery(visitQuery);
  useEffect(() => {
    live.open();
  }, []);
  return (
    <>
      <a
        href="#main"
        className="sr-only focus:not-sr-only focus:fixed focus:top-2 focus:left-2 focus:z-50 focus:rounded-control focus:bg-surface focus:px-3 focus:py-2 focus:shadow-float"
      >
        Skip to content
      </a>
      <div className="flex min-h-dvh">
        <Rail groups={groups} counts={counts} narrow={narrow} onToggle={() => keep({ narrow_rail: !narrow })} />
        <div className="flex min-w-0 flex-1 flex-col">
          <TopBar />
          <main id="main" tabIndex={-1} className="flex-1 outline-none max-sm:pb-16">
            <Outlet />
          </main>
        </div>
      </div>
      <BottomBar groups={groups} counts={counts} />
      <RouteAnnouncer />
      <Keys />
    </>
  );
}
