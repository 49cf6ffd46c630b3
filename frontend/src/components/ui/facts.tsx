import { Check, Copy } from "lucide-react";
import { useState, type ReactNode } from "react";

import { useNow } from "@/hooks/use-now";
import { cn } from "@/lib/cn";
import { duration, exact, hueOf, money, relative, shortId } from "@/lib/format";

import { Button } from "./button";

/** A time as one says it; the exact one in the title. It moves on by itself. */
export function Time({ at, className }: { at: string | null | undefined; className?: string }) {
  const now = useNow(Boolean(at));
  if (!at) return <span className={cn("text-muted", className)}>–</span>;
  return (
    <time dateTime={at} title={exact(at)} className={cn("whitespace-nowrap", className)}>
      {relative(at, now)}
    </time>
  );
}

/** How long something took, or takes: it counts while there is no end. */
export function Elapsed({ from, to, className }: { from: string | null | undefined; to?: string | null; className?: string }) {
  const now = useNow(Boolean(from) && !to);
  if (!from) return <span className={cn("text-muted", className)}>–</span>;
  const end = to ? new Date(to).getTime() : now;
  return (
    <span className={cn("whitespace-nowrap", className)}>
      {duration(Math.max(0, (end - new Date(from).getTime()) / 1_000))}
    </span>
  );
}

export function Money({ amount, className }: { amount: number | string | null | undefined; className?: string }) {
  return <span className={cn("whitespace-nowrap tabular-nums", className)}>{money(amount)}</span>;
}

/** An id, shortened, with a button that copies all of it. */
export function CopyId({ id, short = true, className }: { id: string; short?: boolean; className?: string }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(id);
    setCopied(true);
    setTimeout(() => setCopied(false), 1_500);
  };
  return (
    <Button look="quiet" size="sm" className={cn("h-6 px-1.5 font-mono text-xs font-normal", className)} onClick={() => void copy()} title={`Copy ${id}`}>
      {short ? shortId(id) : id}
      {copied ? <Check className="size-3!" aria-hidden /> : <Copy className="size-3!" aria-hidden />}
      <span className="sr-only" role="status">{copied ? "Copied" : ""}</span>
    </Button>
  );
}

/** Names and values, one under the other. */
export function Facts({ items, className }: { items: [name: string, value: ReactNode][]; className?: string }) {
  return (
    <dl className={cn("grid grid-cols-[max-content_minmax(0,1fr)] gap-x-4 gap-y-1.5 text-sm", className)}>
      {items.map(([name, value]) => (
        <div key={name} className="contents">
          <dt className="text-muted">{name}</dt>
          <dd className="min-w-0 break-words">{value ?? "–"}</dd>
        </div>
      ))}
    </dl>
  );
}

/** Which agent: a hue of its own and, always, its name. */
export function AgentChip({ id, name, className }: { id: string; name?: string; className?: string }) {
  return (
    <span className={cn("inline-flex items-center gap-1.5 whitespace-nowrap", className)}>
      <span
        className="size-2 shrink-0 rounded-full"
        style={{ background: `oklch(var(--agent-l) var(--agent-c) ${hueOf(id)})` }}
        aria-hidden
      />
      {name || id}
    </span>
  );
}
