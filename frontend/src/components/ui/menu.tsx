import { DropdownMenu as Radix } from "radix-ui";
import type { ComponentProps } from "react";

import { cn } from "@/lib/cn";

export const Menu = Radix.Root;
export const MenuTrigger = Radix.Trigger;
export const MenuRadioGroup = Radix.RadioGroup;

const item =
  "flex items-center gap-2 rounded-control px-2 py-1.5 text-sm outline-none data-[highlighted]:bg-sunken data-[disabled]:opacity-50 touch:min-h-11 [&_svg]:size-4 [&_svg]:shrink-0 [&_svg]:text-muted";

export function MenuContent({
  className, align = "end", ...rest
}: ComponentProps<typeof Radix.Content>) {
  return (
    <Radix.Portal>
      <Radix.Content
        align={align}
        sideOffset={4}
        collisionPadding={8}
        className={cn(
          "z-50 min-w-44 rounded-card border bg-surface p-1 shadow-float data-[state=open]:animate-in data-[state=open]:fade-in duration-120",
          className,
        )}
        {...rest}
      />
    </Radix.Portal>
  );
}

interface MenuItemProps extends ComponentProps<typeof Radix.Item> {
  bad?: boolean;
}

export function MenuItem({ className, bad = false, ...rest }: MenuItemProps) {
  return <Radix.Item className={cn(item, bad && "text-bad [&_svg]:text-bad", className)} {...rest} />;
}

export function MenuRadioItem({
  className, children, ...rest
}: ComponentProps<typeof Radix.RadioItem>) {
  return (
    <Radix.RadioItem className={cn(item, "pl-7 relative", className)} {...rest}>
      <Radix.ItemIndicator className="absolute left-2.5 size-2 rounded-full bg-accent" />
      {children}
    </Radix.RadioItem>
  );
}

export function MenuLabel({ className, ...rest }: ComponentProps<typeof Radix.Label>) {
  return <Radix.Label className={cn("px-2 py-1.5 text-xs text-muted", className)} {...rest} />;
}

export function MenuSeparator() {
  return <Radix.Separator className="-mx-1 my-1 h-px bg-border" />;
}
