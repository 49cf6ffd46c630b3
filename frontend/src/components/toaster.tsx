import { Toaster as Sonner } from "sonner";

import { useTheme } from "./theme";

/** Toasts, three at most. Never the only place of an error: pages show theirs in place. */
export function Toaster() {
  const { shown } = useTheme();
  return (
    <Sonner
      theme={shown}
      position="bottom-right"
      visibleToasts={3}
      duration={6_000}
      offset={16}
      mobileOffset={{ bottom: 72 }}
      toastOptions={{
        classNames: {
          toast: "!bg-surface !text-text !border-border !shadow-float !rounded-card !font-sans",
          description: "!text-muted",
          actionButton: "!bg-accent !text-on-accent",
        },
      }}
    />
  );
}
