import { toast } from "sonner";

import { problemOf } from "@/api/problem";

/** Says that something is done; with `undo`, offers to take it back. */
export function said(text: string, undo?: () => void): void {
  toast.success(text, undo ? { action: { label: "Undo", onClick: undo } } : {});
}

/** Says that something failed. Where there is a place for it, show a `ProblemPanel` as well. */
export function failed(what: string, error: unknown): void {
  toast.error(what, { description: problemOf(error).message, duration: 10_000 });
}
