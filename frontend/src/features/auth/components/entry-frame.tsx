import type { ReactNode } from "react";

import { Logo } from "@/components/shell/logo";
import { usePageTitle } from "@/hooks/use-page-title";
import { cn } from "@/lib/cn";

/** The frame of pages outside: one card in the middle. */
export function EntryFrame({ title, lead, wide = false, children }: { title: string; lead?: ReactNode; wide?: boolean; children: ReactNode }) {
  usePageTitle(title);
  return (
    <main className="grid min-h-dvh justify-items-center px-4 py-8 sm:content-center">
      <div className={cn("w-full", wide ? "max-w-lg" : "max-w-sm")}>
        <p className="mb-4 flex items-center justify-center gap-2 text-lg font-semibold">
          <Logo className="size-6 text-accent" />
          DjinnBot
        </p>
        <div className="rounded-dialog border bg-surface p-6">
          <h1 className="text-xl font-semibold">{title}</h1>
          {lead ? <div className="mt-1 text-sm text-muted">{lead}</div> : null}
          <div className="mt-5">{children}</div>
        </div>
      </div>
    </main>
  );
}
