import type { LucideIcon } from "lucide-react";
import type { ReactNode } from "react";

import { cn } from "@/lib/cn";

interface EmptyStateProps {
  icon?: LucideIcon;
  /** One sentence. “Nothing yet” and “no match” are different ones. */
  title: string;
  children?: ReactNode;
  /** One primary action. */
  action?: ReactNode;
  className?: string;
}

export function EmptyState({ icon: Icon, title, children, action, className }: EmptyStateProps) {
  return (
    <div className={cn("grid justify-items-center gap-3 rounded-card border border-dashed px-6 py-12 text-center", className)}>
      {Icon ? <Icon className="size-6 text-muted" strokeWidth={1.5} aria-hidden /> : null}
      <p className="font-medium">{title}</p>
      {children ? <div className="max-w-prose text-sm text-muted">{children}</div> : null}
      {action}
    </div>
  );
}
