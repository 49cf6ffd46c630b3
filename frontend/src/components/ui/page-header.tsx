import type { ReactNode } from "react";

import { usePageTitle } from "@/hooks/use-page-title";
import { cn } from "@/lib/cn";

interface PageHeaderProps {
  /** The one `h1`, and the title of the browser's tab. */
  title: string;
  /** Beside the title: a status, a count. */
  mark?: ReactNode;
  children?: ReactNode;
  /** Buttons; the primary one last. */
  actions?: ReactNode;
  className?: string;
}

export function PageHeader({ title, mark, children, actions, className }: PageHeaderProps) {
  usePageTitle(title);
  return (
    <header className={cn("flex flex-wrap items-start justify-between gap-x-4 gap-y-3 pb-4", className)}>
      <div className="min-w-0">
        <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
          <h1 className="text-xl font-semibold break-words">{title}</h1>
          {mark}
        </div>
        {children ? <div className="mt-1 text-sm text-muted">{children}</div> : null}
      </div>
      {actions ? <div className="flex flex-wrap items-center gap-2 max-sm:has-[select]:w-full">{actions}</div> : null}
    </header>
  );
}

/** The room of a page below the top bar. */
export function Page({ className, children }: { className?: string; children: ReactNode }) {
  return <div className={cn("mx-auto w-full max-w-[1600px] p-4 sm:p-6", className)}>{children}</div>;
}

/** A block of a page with its heading. */
export function Section({ title, actions, className, children }: { title: string; actions?: ReactNode; className?: string; children: ReactNode }) {
  return (
    <section className={cn("mt-6 first:mt-0", className)} aria-label={title}>
      <div className="mb-2 flex min-h-8 items-center justify-between gap-3">
        <h2 className="text-base font-semibold">{title}</h2>
        {actions}
      </div>
      {children}
    </section>
  );
}

export function Card({ className, children }: { className?: string; children: ReactNode }) {
  return <div className={cn("rounded-card border bg-surface p-4", className)}>{children}</div>;
}
