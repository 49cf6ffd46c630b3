import { Progress as Radix } from "radix-ui";

import { cn } from "@/lib/cn";

import { toneClass, type Tone } from "./badge";

/** A bar from 0 to `of`. Above that it is full, and the tone must say so. */
export function Progress({ value, of, label, tone = "accent", className }: { value: number; of: number; label: string; tone?: Tone; className?: string }) {
  const share = of > 0 ? Math.min(100, Math.max(0, (value / of) * 100)) : 0;
  return (
    <Radix.Root
      value={share}
      aria-label={label}
      className={cn(toneClass[tone], "h-1.5 w-full overflow-hidden rounded-full bg-sunken", className)}
    >
      <Radix.Indicator className="h-full bg-tone" style={{ width: `${share}%` }} />
    </Radix.Root>
  );
}
