import type { ComponentProps } from "react";

import { cn } from "@/lib/cn";

export type Tone = "quiet" | "run" | "ok" | "warn" | "bad" | "human" | "accent";

/** Written out so that Tailwind finds them. */
export const toneClass: Record<Tone, string> = {
  quiet: "tone-quiet",
  run: "tone-run",
  ok: "tone-ok",
  warn: "tone-warn",
  bad: "tone-bad",
  human: "tone-human",
  accent: "tone-accent",
};

export function Badge({ tone = "quiet", className, ...rest }: { tone?: Tone } & ComponentProps<"span">) {
  return (
    <span
      className={cn(
        toneClass[tone],
        "inline-flex h-5 items-center gap-1 rounded-full border border-tone bg-tone-tint px-2 text-xs font-medium whitespace-nowrap text-tone",
        className,
      )}
      {...rest}
    />
  );
}

export function Kbd({ className, ...rest }: ComponentProps<"kbd">) {
  return (
    <kbd
      className={cn("inline-flex h-5 min-w-5 items-center justify-center rounded-[4px] border bg-sunken px-1 font-sans text-xs text-muted", className)}
      {...rest}
    />
  );
}
