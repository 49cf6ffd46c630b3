import { useState, type FormEvent, type ReactNode } from "react";

import { problemOf, type Problem } from "@/api/problem";

import { Button } from "./ui/button";
import { Dialog, DialogClose, DialogContent } from "./ui/dialog";
import { ProblemPanel } from "./ui/problem-panel";

interface FormDialogProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  title: string;
  description?: ReactNode;
  /** Verb and object. */
  action: string;
  /** Entries by name. The dialog closes when this has succeeded; entries are kept when not. */
  onSubmit: (values: FormData) => Promise<unknown>;
  /** The fields; problems of single ones by name. */
  children: (errors: Record<string, string>) => ReactNode;
}

/** A few fields in a dialog, and one action. */
export function FormDialog({
  open, onOpenChange, title, description, action, onSubmit, children,
}: FormDialogProps) {
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState(false);
  const change = (next: boolean) => {
    setProblem(null);
    onOpenChange(next);
  };
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    event.stopPropagation();
    const form = event.currentTarget;
    setBusy(true);
    setProblem(null);
    try {
      await onSubmit(new FormData(form));
      change(false);
    } catch (error) {
      const told = problemOf(error);
      setProblem(told);
      const first = Object.keys(told.fields)[0];
      if (first) form.querySelector<HTMLElement>(`[name="${CSS.escape(first)}"]`)?.focus();
    } finally {
      setBusy(false);
    }
  };
  const errors = problem?.fields ?? {};
  return (
    <Dialog open={open} onOpenChange={change}>
      <DialogContent title={title} description={description}>
        <form onSubmit={(event) => void submit(event)} className="grid gap-4" noValidate={false}>
          {children(errors)}
          {problem && Object.keys(errors).length === 0 ? <ProblemPanel problem={problem} /> : null}
          <div className="flex justify-end gap-2 pt-1">
            <DialogClose asChild>
              <Button>Cancel</Button>
            </DialogClose>
            <Button type="submit" look="primary" busy={busy}>
              {action}
            </Button>
          </div>
        </form>
      </DialogContent>
    </Dialog>
  );
}

/** The text of an entry, without blanks around it. */
export const textOf = (values: FormData, name: string): string =>
  ((values.get(name) as string | null) ?? "").trim();

/** A number that may be left out. */
export function numberOf(values: FormData, name: string): number | null {
  const text = textOf(values, name);
  return text === "" ? null : Number(text);
}
