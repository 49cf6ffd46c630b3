import { cn } from "@/lib/cn";
import { count } from "@/lib/format";

import type { NavCount as Counted } from "./use-nav-counts";

const MOST_SHOWN = 99;

interface NavCountProps {
  counted: Counted | undefined;
  className?: string;
}

/** A number beside a place; nothing at nought. */
export function NavCount({ counted, className }: NavCountProps) {
  if (!counted || counted.count === 0) return null;
  return (
    <span className={cn("rounded-full bg-sunken px-1.5 text-xs/4 font-medium text-text tabular-nums", className)}>
      <span aria-hidden>{counted.count > MOST_SHOWN ? `${MOST_SHOWN}+` : counted.count}</span>
      <span className="sr-only">{`, ${count(counted.count)} ${counted.word}`}</span>
    </span>
  );
}
