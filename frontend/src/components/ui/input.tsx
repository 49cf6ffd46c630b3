import { useId, type ComponentProps, type ReactElement, type ReactNode } from "react";

import { cn } from "@/lib/cn";

const box =
  "w-full rounded-control border border-border-strong bg-surface px-2.5 text-text placeholder:text-muted aria-invalid:border-bad disabled:opacity-60 touch:min-h-11";

export function Input({ className, ...rest }: ComponentProps<"input">) {
  return <input className={cn(box, "h-8", className)} {...rest} />;
}

export function Textarea({ className, ...rest }: ComponentProps<"textarea">) {
  return <textarea className={cn(box, "min-h-20 py-1.5", className)} {...rest} />;
}

/** The browser's own select: works with keys, fingers and readers everywhere. */
export function Select({ className, ...rest }: ComponentProps<"select">) {
  return <select className={cn(box, "h-8 pr-1 text-ellipsis", className)} {...rest} />;
}

interface ControlProps {
  id: string;
  "aria-invalid"?: true;
  "aria-describedby"?: string;
}

interface FieldProps {
  label: ReactNode;
  hint?: ReactNode;
  error?: string | undefined;
  className?: string;
  /** The control; give it all that comes: id, and how hint and error are tied to it. */
  children: (control: ControlProps) => ReactElement;
}

/** A control with its label, hint and error, tied together for readers. */
export function Field({ label, hint, error, className, children }: FieldProps) {
  const id = useId();
  const described = [hint ? `${id}-hint` : "", error ? `${id}-error` : ""].filter(Boolean).join(" ");
  const control: ControlProps = { id };
  if (error) control["aria-invalid"] = true;
  if (described) control["aria-describedby"] = described;
  return (
    <div className={cn("grid gap-1", className)}>
      <label htmlFor={id} className="text-sm font-medium">
        {label}
      </label>
      {children(control)}
      {hint ? (
        <p id={`${id}-hint`} className="text-xs text-muted">
          {hint}
        </p>
      ) : null}
      {error ? (
        <p id={`${id}-error`} className="text-xs text-bad">
          {error}
        </p>
      ) : null}
    </div>
  );
}
