import { Outlet } from "@tanstack/react-router";
import { useEffect, useState } from "react";

import { useMe } from "@/api/me";
import { TooltipProvider } from "@/components/ui/tooltip";
import { live } from "@/live/socket";

import { BottomBar } from "./bottom-bar";
import { Keys } from "./keys";
import { navFor } from "./nav";
import { Rail } from "./rail";
import { RouteAnnouncer } from "./route-announcer";
import { TopBar } from "./top-bar";
import { useNavCounts } from "./use-nav-counts";

const RAIL_KEY = "rail";
const TOOLTIP_MS = 400;

/** Rail, top bar and the room for pages, for people who have signed in. */
export function Shell() {
  const me = useMe();
  const groups = navFor(me);
  const counts = useNavCounts();
  const [narrow, setNarrow] = useState(() => localStorage.getItem(RAIL_KEY) === "narrow");
  useEffect(() => {
    live.open();
  }, []);
  const toggle = () => {
    setNarrow(!narrow);
    localStorage.setItem(RAIL_KEY, narrow ? "wide" : "narrow");
  };
  return (
    <TooltipProvider delayDuration={TOOLTIP_MS}>
      <a
        href="#main"
        className="sr-only focus:not-sr-only focus:fixed focus:top-2 focus:left-2 focus:z-50 focus:rounded-control focus:bg-surface focus:px-3 focus:py-2 focus:shadow-float"
      >
        Skip to content
      </a>
      <div className="flex min-h-dvh">
        <Rail groups={groups} counts={counts} narrow={narrow} onToggle={toggle} />
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
    </TooltipProvider>
  );
}
