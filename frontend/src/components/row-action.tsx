import type { ComponentProps } from "react";

import { Button } from "./ui/button";

interface RowActionProps extends Omit<ComponentProps<typeof Button>, "size" | "look" | "aria-label"> {
  /** With the name of the row: many buttons of a table have the same word. */
  label: string;
}

/** A button at the end of a row of a table or list. */
export function RowAction({ label, ...rest }: RowActionProps) {
  return <Button size="sm" look="quiet" aria-label={label} {...rest} />;
}
