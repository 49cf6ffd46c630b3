import { AlertDialog as Radix } from "radix-ui";
import { useState, type ReactNode } from "react";

import { problemOf, type Problem } from "@/api/problem";

import { Button } from "./button";
import { ProblemPanel } from "./problem-panel";

interface ConfirmProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  /** A question that names the object: “Delete 3 runs?” */
  title: string;
  /** What it does, in numbers, and whether it can be undone. */
  children: ReactNode;
  /** Verb and object. */
  action: string;
  look?: "bad" | "primary";
  /** The dialog closes when this has succeeded, and shows the problem when not. */
  onConfirm: () => Promise<unknown>;
}

/** Asks once more before something that hurts. */
export function Confirm({
  open, onOpenChange, title, children, action, look = "bad", onConfirm,
}: ConfirmProps) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const change = (next: boolean) => {
    setProblem(null);
    onOpenChange(next);
  };
  const run = async () => {
    setBusy(true);
    try {
      await onConfirm();
      change(false);
    } catch (error) {
      setProblem(problemOf(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Radix.Root open={open} onOpenChange={change}>
      <Radix.Portal>
        <Radix.Overlay className="fixed inset-0 z-40 bg-backdrop" />
        <Radix.Content className="fixed top-[20vh] left-1/2 z-50 w-[min(28rem,calc(100vw-2rem))] -translate-x-1/2 rounded-dialog bg-surface p-5 shadow-float outline-none">
          <Radix.Title className="text-lg font-semibold">{title}</Radix.Title>
          <Radix.Description asChild>
            <div className="mt-2 text-sm text-muted">{children}</div>
          </Radix.Description>
          {problem ? <ProblemPanel problem={problem} className="mt-3" /> : null}
          <div className="mt-5 flex justify-end gap-2">
            <Radix.Cancel asChild>
              <Button>Cancel</Button>
            </Radix.Cancel>
            <Button look={look} busy={busy} onClick={() => void run()}>
              {action}
            </Button>
          </div>
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}
