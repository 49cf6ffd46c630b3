import { Link } from "@tanstack/react-router";
import { PanelLeftClose, PanelLeftOpen } from "lucide-react";

import { IconButton } from "@/components/ui/button";
import { cn } from "@/lib/cn";

import { Logo } from "./logo";
import type { NavGroup, NavItem } from "./nav";
import { NavCount } from "./nav-count";
import type { NavCount as Counted, NavCounts } from "./use-nav-counts";

interface RailProps {
  groups: NavGroup[];
  counts: NavCounts;
  narrow: boolean;
  onToggle: () => void;
}

/** The navigation at the left: words on a wide screen, icons on a narrower one, nothing on a phone. */
export function Rail({ groups, counts, narrow, onToggle }: RailProps) {
  return (
    <div
      className={cn(
        "sticky top-0 flex h-dvh shrink-0 flex-col border-r bg-surface max-sm:hidden",
        narrow ? "w-14" : "w-14 lg:w-56",
      )}
      data-narrow={narrow || undefined}
    >
      <div className="flex h-12 shrink-0 items-center justify-between px-3">
        <Link to="/" className={cn("flex items-center gap-2 rounded-control font-semibold", narrow ? "" : "max-lg:justify-center")} aria-label="DjinnBot, home">
          <Logo className="size-6 text-accent" />
          <span className={cn(narrow ? "hidden" : "max-lg:hidden")}>DjinnBot</span>
        </Link>
      </div>
      <nav aria-label="Main" className="min-h-0 flex-1 overflow-y-auto px-2 py-1">
        {groups.map((group) => (
          <div key={group.label} className="mb-3">
            <p
              className={cn(
                "px-2 py-1 text-xs text-muted",
                narrow ? "sr-only" : "max-lg:sr-only",
              )}
            >
              {group.label}
            </p>
            <ul>
              {group.items.map((item) => (
                <li key={item.to}>
                  <RailLink item={item} counted={counts[item.to]} narrow={narrow} />
                </li>
              ))}
            </ul>
          </div>
        ))}
      </nav>
      <div className="px-3 py-2 max-lg:hidden">
        <IconButton label={narrow ? "Widen the navigation" : "Narrow the navigation"} onClick={onToggle}>
          {narrow ? <PanelLeftOpen aria-hidden /> : <PanelLeftClose aria-hidden />}
        </IconButton>
      </div>
    </div>
  );
}

interface RailLinkProps {
  item: NavItem;
  counted: Counted | undefined;
  narrow: boolean;
}

function RailLink({ item, counted, narrow }: RailLinkProps) {
  const Icon = item.icon;
  return (
    <Link
      to={item.to}
      activeOptions={{ exact: item.exact ?? false }}
      title={item.label}
      className={cn(
        "relative flex h-8 items-center gap-2.5 rounded-control px-2 text-sm text-muted hover:bg-sunken hover:text-text data-[status=active]:bg-accent-tint data-[status=active]:font-medium data-[status=active]:text-accent touch:h-11",
        narrow ? "justify-center" : "max-lg:justify-center",
      )}
    >
      <Icon className="size-4.5 shrink-0" strokeWidth={1.5} aria-hidden />
      <span className={cn(narrow ? "sr-only" : "max-lg:sr-only")}>{item.label}</span>
      <NavCount
        counted={counted}
        className={cn(narrow ? "absolute -top-1 right-0" : "ml-auto max-lg:absolute max-lg:-top-1 max-lg:right-0")}
      />
    </Link>
  );
}
