import { toneClass } from "@/components/ui/badge";
import { stateOf } from "@/components/ui/status";
import { cn } from "@/lib/cn";

import type { Run } from "../queries";

const ACTIVE = new Set(["starting", "running", "finishing"]);

/** The agent that works now, or that is next. */
export const agentNow = (run: Run): string =>
  (run.progress.find((step) => ACTIVE.has(step.status ?? "")) ?? run.progress.find((step) => step.step_id === run.current_step))?.agent_id ?? "";

/** The steps of a run, a piece each, in the hue of how far it is. */
export function StepBar({ run, className }: { run: Run; className?: string }) {
  const { progress } = run;
  if (progress.length === 0) return null;
  const done = progress.filter((step) => step.status === "completed").length;
  const pieces = progress.map(({ step_id, status }) => ({ id: step_id, status: status === "pending" && run.status === "waiting_human" ? run.status : status }));
  const words = pieces.map(({ id, status }) => `${id}: ${status ? stateOf(status).word : "not reached"}`);
  return (
    <span role="img" aria-label={`${done} of ${progress.length} steps are done`} title={words.join("\n")} className={cn("flex h-2 min-w-0 items-stretch gap-0.5", className)}>
      {pieces.map(({ id, status }) => (
        <span
          key={id}
          className={cn("min-w-0.5 flex-1 rounded-[2px]", status && stateOf(status).tone !== "quiet" ? cn(toneClass[stateOf(status).tone], "bg-tone") : "bg-border",
            ACTIVE.has(status ?? "") && "animate-pulse motion-reduce:animate-none")}
        />
      ))}
    </span>
  );
}
