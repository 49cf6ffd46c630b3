import { problemOf } from "@/api/problem";

/** The toasts come when the first one is needed: a page shows before them. */
const toasts = () => import("sonner");

/** Says that something is done; with `undo`, offers to take it back. */
export function said(text: string, undo?: () => void): void {
  const options = undo ? { action: { label: "Undo", onClick: undo } } : {};
  void toasts().then(({ toast }) => toast.success(text, options));
}

/** Says that something failed. Where there is a place for it, show a `ProblemPanel` as well. */
export function failed(what: string, error: unknown): void {
  const options = { description: problemOf(error).message, duration: 10_000 };
  void toasts().then(({ toast }) => toast.error(what, options));
}
