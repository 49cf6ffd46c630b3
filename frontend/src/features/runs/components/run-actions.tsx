import { lazy, Suspense, useState } from "react";

import { failed } from "@/lib/toast";

import { usePauseRun, useResumeRun } from "../mutations";
import type { RunDetail } from "../queries";

const ActionDialog = lazy(() => import("./run-dialogs").then((module) => ({ default: module.ActionDialog })));

export type RunAction =
  | { kind: "approve" | "steer" | "pause" | "resume" | "stop" | "restart" | "delete" }
  | { kind: "restart-step"; step: string; context?: string; onDone?: () => void }
  | { kind: "fork"; step: string; visit?: number };

/** The dialogs of a run's actions; pause and resume are done at once. */
export function useRunActions(run: RunDetail | undefined) {
  const [open, setOpen] = useState<RunAction | null>(null);
  const pause = usePauseRun(run?.id ?? "");
  const resume = useResumeRun(run?.id ?? "");
  const act = (action: RunAction): void => {
    if (action.kind === "pause") {
      pause.mutate({}, { onError: (error) => failed("The run was not paused", error) });
    } else if (action.kind === "resume") {
      resume.mutate(undefined, { onError: (error) => failed("The run was not resumed", error) });
    } else if (action.kind === "steer") {
      document.getElementById("steer")?.focus();
    } else if (action.kind === "approve") {
      document.querySelector<HTMLElement>('section[aria-label="Approval"] textarea')?.focus();
    } else {
      setOpen(action);
    }
  };
  const close = (): void => setOpen(null);
  const dialog = run && open ? <Suspense><ActionDialog key={JSON.stringify(open)} run={run} action={open} onClose={close} /></Suspense> : null;
  return { act, dialog };
}

