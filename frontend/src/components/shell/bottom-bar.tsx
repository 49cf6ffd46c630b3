import { Link } from "@tanstack/react-router";
import { lazy, Suspense } from "react";

import type { NavGroup } from "./nav";
import { NavCount } from "./nav-count";
import type { NavCounts } from "./use-nav-counts";

interface BottomBarProps {
  groups: NavGroup[];
  counts: NavCounts;
}

const More = lazy(async () => ({ default: (await import("./more-menu")).MoreMenu }));

const cell =
  "relative flex min-h-14 flex-1 flex-col items-center justify-center gap-0.5 text-xs text-muted data-[status=active]:font-medium data-[status=active]:text-accent focus-visible:-outline-offset-2";

/** The navigation of a phone: what one needs most, and the rest under “More”. */
export function BottomBar({ groups, counts }: BottomBarProps) {
  const items = groups.flatMap((group) => group.items);
  const first = items.filter((item) => item.phone);
  return (
    <nav
      aria-label="Main"
      className="fixed inset-x-0 bottom-0 z-30 flex border-t bg-surface pb-[env(safe-area-inset-bottom)] sm:hidden"
    >
      {first.map(({ to, label, icon: Icon, exact }) => (
        <Link key={to} to={to} activeOptions={{ exact: exact ?? false }} className={cell}>
          <Icon className="size-5" strokeWidth={1.5} aria-hidden />
          {label}
          <NavCount counted={counts[to]} className="absolute top-1 left-1/2 ml-2" />
        </Link>
      ))}
      <Suspense fallback={<span className={cell} />}>
        <More groups={groups} className={cell} />
      </Suspense>
    </nav>
  );
}
