import { cva, type VariantProps } from "class-variance-authority";
import { Slot } from "radix-ui";
import type { ComponentProps } from "react";

import { cn } from "@/lib/cn";

export const buttonStyle = cva(
  "inline-flex shrink-0 items-center justify-center gap-2 rounded-control border font-medium whitespace-nowrap transition-opacity select-none disabled:opacity-50 aria-disabled:opacity-50 [&_svg]:size-4 [&_svg]:shrink-0 touch:min-h-11",
  {
    variants: {
      look: {
        primary: "border-transparent bg-accent text-on-accent hover:opacity-90",
        plain: "border-border bg-surface text-text hover:border-border-strong",
        quiet: "border-transparent text-muted hover:bg-sunken hover:text-text",
        bad: "tone-bad border-tone bg-tone-tint text-tone hover:opacity-85",
        ok: "tone-ok border-tone bg-tone-tint text-tone hover:opacity-85",
        link: "border-transparent p-0! h-auto! min-h-0! text-accent hover:underline",
      },
      size: {
        sm: "h-7 px-2.5 text-xs",
        md: "h-8 px-3 text-sm",
        lg: "h-10 px-4 text-base",
        icon: "size-8 p-0 touch:min-w-11",
      },
    },
    defaultVariants: { look: "plain", size: "md" },
  },
);

interface ButtonProps extends ComponentProps<"button">, VariantProps<typeof buttonStyle> {
  /** Take the look, and let the child (a link) be the element. */
  asChild?: boolean;
  /** Something is under way: the button waits and says so. */
  busy?: boolean;
  /** Why it cannot be pressed. It stays reachable, and says the reason. */
  refusal?: string | null;
}

export function Button({
  asChild, busy = false, refusal, look, size, className, disabled, onClick, type, title, ...rest
}: ButtonProps) {
  const Element = asChild ? Slot.Root : "button";
  const refused = Boolean(refusal) || busy;
  return (
    <Element
      {...(asChild ? {} : { type: type ?? "button" })}
      className={cn(buttonStyle({ look, size }), className)}
      disabled={disabled}
      aria-disabled={refused || undefined}
      aria-busy={busy || undefined}
      title={refusal ?? title}
      onClick={refused ? (event) => event.preventDefault() : onClick}
      {...rest}
    />
  );
}

interface IconButtonProps extends Omit<ButtonProps, "size" | "aria-label"> {
  /** What it does, in words: there is no text to read. */
  label: string;
}

export function IconButton({ label, look = "quiet", title, ...rest }: IconButtonProps) {
  return <Button size="icon" look={look} aria-label={label} title={title ?? label} {...rest} />;
}
