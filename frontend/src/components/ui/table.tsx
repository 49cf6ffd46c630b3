import type { ComponentProps } from "react";

import { cn } from "@/lib/cn";

/** A plain table. It scrolls sideways inside itself, never the page. Rows of things: `DataTable`. */
export function Table({ label = "Table", className, ...rest }: { label?: string } & ComponentProps<"table">) {
  return (
    // A region that scrolls must be reachable by keys.
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <div className="relative w-full overflow-x-auto rounded-card border bg-surface" tabIndex={0} role="group" aria-label={label}>
      <table className={cn("w-full border-collapse text-sm", className)} {...rest} />
    </div>
  );
}

export function TableHead({ className, ...rest }: ComponentProps<"thead">) {
  return <thead className={cn("border-b bg-sunken text-xs text-muted", className)} {...rest} />;
}

export const TableBody = (props: ComponentProps<"tbody">) => <tbody {...props} />;

export function Row({ className, ...rest }: ComponentProps<"tr">) {
  return (
    <tr
      className={cn("border-b last:border-b-0 hover:bg-sunken/60 aria-selected:bg-accent-tint", className)}
      {...rest}
    />
  );
}

/** `numeric`: right-aligned, for figures. */
interface CellProps {
  numeric?: boolean;
}

export function Th({ numeric, className, ...rest }: CellProps & ComponentProps<"th">) {
  return (
    <th
      scope="col"
      className={cn("h-8 px-3 font-medium whitespace-nowrap", numeric ? "text-right" : "text-left", className)}
      {...rest}
    />
  );
}

export function Td({ numeric, className, ...rest }: CellProps & ComponentProps<"td">) {
  return (
    <td className={cn("h-(--row-height) px-3 py-(--row-space)", numeric ? "text-right whitespace-nowrap" : "text-left", className)} {...rest} />
  );
}
