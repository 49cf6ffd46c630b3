import { Tabs as Radix } from "radix-ui";
import { useEffect, useRef, useState, type ComponentProps } from "react";

import { cn } from "@/lib/cn";

export const Tabs = Radix.Root;

const list =
  "flex gap-1 overflow-x-auto border-b [scrollbar-width:none] data-[more=true]:[mask-image:linear-gradient(to_right,black_calc(100%-2.5rem),transparent)]";
export const tabStyle =
  "relative inline-flex h-9 shrink-0 items-center gap-1.5 px-2.5 text-sm text-muted hover:text-text data-[state=active]:text-text data-[status=active]:text-text data-[state=active]:font-medium data-[status=active]:font-medium after:absolute after:inset-x-1 after:-bottom-px after:h-0.5 after:rounded-full data-[state=active]:after:bg-accent data-[status=active]:after:bg-accent touch:min-h-11 focus-visible:-outline-offset-2";

/** A row that is wider than its place shows what is chosen, and fades where more stands. */
function useRoom<Place extends HTMLElement>() {
  const place = useRef<Place>(null);
  const [more, setMore] = useState(false);
  const look = () => {
    const row = place.current;
    if (row) setMore(row.scrollLeft + row.clientWidth < row.scrollWidth - 1);
  };
  useEffect(() => {
    const row = place.current;
    const active = row?.querySelector<HTMLElement>("[data-state=active], [data-status=active]");
    if (row && active && active.offsetLeft + active.offsetWidth > row.offsetLeft + row.clientWidth)
      row.scrollLeft = active.offsetLeft - row.offsetLeft - row.clientWidth / 3;
    look();
    addEventListener("resize", look);
    return () => removeEventListener("resize", look);
  }, []);
  return { ref: place, "data-more": more, onScroll: look };
}

export function TabList({ className, ...rest }: ComponentProps<typeof Radix.List>) {
  return <Radix.List {...useRoom<HTMLDivElement>()} className={cn(list, className)} {...rest} />;
}

export function Tab({ className, ...rest }: ComponentProps<typeof Radix.Trigger>) {
  return <Radix.Trigger className={cn(tabStyle, className)} {...rest} />;
}

export function TabPanel({ className, ...rest }: ComponentProps<typeof Radix.Content>) {
  return <Radix.Content className={cn("outline-offset-4", className)} {...rest} />;
}

/** Tabs that are places: give it router `Link`s with `className={tabStyle}`. */
export function TabNav({ className, ...rest }: ComponentProps<"nav">) {
  return <nav {...useRoom<HTMLElement>()} className={cn(list, className)} {...rest} />;
}
