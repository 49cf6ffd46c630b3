import { Check } from "lucide-react";
import { Checkbox as Radix, Switch as RadixSwitch } from "radix-ui";
import { useId, type ComponentProps, type ReactNode } from "react";

import { cn } from "@/lib/cn";

interface LabelledProps {
  label: ReactNode;
  hint?: ReactNode;
}

export function Checkbox({
  label, hint, className, ...rest
}: LabelledProps & ComponentProps<typeof Radix.Root>) {
  const id = useId();
  return (
    <div className={cn("flex items-start gap-2", className)}>
      <Radix.Root
        id={id}
        className="mt-px grid size-4.5 shrink-0 place-items-center rounded-[4px] border border-border-strong bg-surface disabled:opacity-60 data-[state=checked]:border-accent data-[state=checked]:bg-accent"
        {...rest}
      >
        <Radix.Indicator>
          <Check className="size-3.5 text-on-accent" strokeWidth={3} aria-hidden />
        </Radix.Indicator>
      </Radix.Root>
      <label htmlFor={id} className="text-sm">
        {label}
        {hint ? <span className="block text-xs text-muted">{hint}</span> : null}
      </label>
    </div>
  );
}

export function Switch({
  label, hint, className, ...rest
}: LabelledProps & ComponentProps<typeof RadixSwitch.Root>) {
  const id = useId();
  return (
    <div className={cn("flex items-start justify-between gap-4", className)}>
      <label htmlFor={id} className="text-sm">
        {label}
        {hint ? <span className="block text-xs text-muted">{hint}</span> : null}
      </label>
      <RadixSwitch.Root
        id={id}
        className="relative h-5 w-9 shrink-0 rounded-full border border-border-strong bg-sunken disabled:opacity-60 data-[state=checked]:border-accent data-[state=checked]:bg-accent"
        {...rest}
      >
        <RadixSwitch.Thumb className="block size-3.5 translate-x-0.5 rounded-full bg-muted transition-transform data-[state=checked]:translate-x-4.5 data-[state=checked]:bg-on-accent" />
      </RadixSwitch.Root>
    </div>
  );
}
