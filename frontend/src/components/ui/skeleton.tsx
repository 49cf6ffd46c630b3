import { useEffect, useState, type ReactNode } from "react";

import { cn } from "@/lib/cn";

const SOON_MS = 150;

/** Shows what loads only when it takes long enough to be noticed. */
export function Loading({ label = "Loading", children, className }: { label?: string; children: ReactNode; className?: string }) {
  const [shown, setShown] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setShown(true), SOON_MS);
    return () => clearTimeout(timer);
  }, []);
  return (
    <div role="status" aria-busy="true" className={shown ? className : undefined}>
      <span className="sr-only">{label}</span>
      {shown ? <div aria-hidden>{children}</div> : null}
    </div>
  );
}

export function Skeleton({ className }: { className?: string }) {
  return <div className={cn("h-4 rounded-control bg-sunken", className)} />;
}

/** Lines in the shape of a list or table. */
export function SkeletonRows({ rows = 6, className }: { rows?: number; className?: string }) {
  return (
    <Loading className={cn("rounded-card border bg-surface", className)}>
      {Array.from({ length: rows }, (_, row) => (
        <div key={row} className="flex h-10 items-center gap-4 border-b px-3 last:border-b-0">
          <Skeleton className="w-20" />
          <Skeleton className={row % 2 ? "w-2/5" : "w-1/2"} />
          <Skeleton className="ml-auto w-16" />
        </div>
      ))}
    </Loading>
  );
}
