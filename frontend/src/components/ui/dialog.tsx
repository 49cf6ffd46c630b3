import { X } from "lucide-react";
import { Dialog as Radix } from "radix-ui";
import type { ComponentProps, ReactNode } from "react";

import { cn } from "@/lib/cn";

import { IconButton } from "./button";

export const Dialog = Radix.Root;
export const DialogTrigger = Radix.Trigger;
export const DialogClose = Radix.Close;

const backdrop =
  "fixed inset-0 z-40 bg-backdrop data-[state=open]:animate-in data-[state=open]:fade-in duration-150";

interface LayerProps extends Omit<ComponentProps<typeof Radix.Content>, "title"> {
  title: ReactNode;
  /** One sentence under the title. */
  description?: ReactNode;
  /** Buttons at the bottom; the last one is what the dialog is for. */
  footer?: ReactNode;
}

function Head({ title, description }: Pick<LayerProps, "title" | "description">) {
  return (
    <div className="flex items-start gap-3 px-5 pt-4 pb-3">
      <div className="min-w-0 flex-1">
        <Radix.Title className="text-lg font-semibold">{title}</Radix.Title>
        {description ? (
          <Radix.Description className="mt-1 text-sm text-muted">{description}</Radix.Description>
        ) : null}
      </div>
      <Radix.Close asChild>
        <IconButton label="Close">
          <X aria-hidden />
        </IconButton>
      </Radix.Close>
    </div>
  );
}

const undescribed = (description: ReactNode) =>
  description ? {} : { "aria-describedby": undefined };

/** The window of a `Dialog`. Full screen on a phone. */
export function DialogContent({
  title, description, footer, className, children, ...rest
}: LayerProps) {
  return (
    <Radix.Portal>
      <Radix.Overlay className={backdrop} />
      <Radix.Content
        {...undescribed(description)}
        className={cn(
          "fixed z-50 flex flex-col bg-surface shadow-float outline-none max-sm:inset-0 sm:top-[12vh] sm:left-1/2 sm:max-h-[80vh] sm:w-[min(34rem,calc(100vw-2rem))] sm:-translate-x-1/2 sm:rounded-dialog",
          className,
        )}
        {...rest}
      >
        <Head title={title} description={description} />
        <div className="min-h-0 flex-1 overflow-y-auto px-5 pb-4">{children}</div>
        {footer ? (
          <div className="flex flex-wrap justify-end gap-2 border-t px-5 py-3">{footer}</div>
        ) : null}
      </Radix.Content>
    </Radix.Portal>
  );
}

/** A `Dialog` that comes from the right edge: details beside what one was looking at. */
export function SheetContent({
  title, description, footer, className, children, ...rest
}: LayerProps) {
  return (
    <Radix.Portal>
      <Radix.Overlay className={backdrop} />
      <Radix.Content
        {...undescribed(description)}
        className={cn(
          "fixed inset-y-0 right-0 z-50 flex w-full flex-col border-l bg-surface shadow-float outline-none data-[state=open]:animate-in data-[state=open]:slide-in-from-right-8 data-[state=open]:fade-in duration-150 sm:w-120",
          className,
        )}
        {...rest}
      >
        <Head title={title} description={description} />
        <div className="min-h-0 flex-1 overflow-y-auto px-5 pb-4">{children}</div>
        {footer ? (
          <div className="flex flex-wrap justify-end gap-2 border-t px-5 py-3">{footer}</div>
        ) : null}
      </Radix.Content>
    </Radix.Portal>
  );
}
