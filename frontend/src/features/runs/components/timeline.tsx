import { useNow } from "@/hooks/use-now";
import { StatusMark, stateOf } from "@/components/ui/status";
import { toneClass } from "@/components/ui/badge";
import { cn } from "@/lib/cn";
import { duration } from "@/lib/format";

import type { RunDetail } from "../queries";
import { TimeBar } from "./time-bar";
import { executionSeconds, ganttBars, hasEnded, shownStatus } from "../states";

interface TimelineProps {
  run: RunDetail;
  onSelect: (key: string) => void;
  /** The event as of which the run is shown. */
  at: number | undefined;
  onAt: (event: number | undefined) => void;
  onFork: (step: string, visit: number) => void;
}

/** The run over its time: to go back in, and step by step. */
export function Timeline({ run, onSelect, at, onAt, onFork }: TimelineProps) {
  return (
    <div className="grid gap-5">
      <TimeBar run={run} at={at} onAt={onAt} onFork={onFork} />
      <Bars run={run} onSelect={onSelect} />
    </div>
  );
}

/** Each attempt as a bar over the run's time: thin while it waited, thick while it worked. */
function Bars({ run, onSelect }: Pick<TimelineProps, "run" | "onSelect">) {
  const now = useNow(!hasEnded(run));
  const bars = ganttBars(run, now);
  if (bars.length === 0) return <p className="text-sm text-muted">No step has begun.</p>;
  return (
    <ol className="grid gap-0.5" aria-label="Steps over time">
      {bars.map((bar) => {
        const { execution } = bar;
        const status = shownStatus(execution, run);
        const seconds = executionSeconds(execution, now);
        const short = [
          execution.visit > 1 ? `×${execution.visit}` : "", execution.loop_item ? `#${execution.loop_item.index + 1}` : "",
          execution.attempt > 1 ? `try ${execution.attempt}` : "",
        ].filter(Boolean).join(" ");
        const words = [
          execution.visit > 1 ? `visit ${execution.visit}` : "", execution.attempt > 1 ? `try ${execution.attempt}` : "",
          execution.loop_item ? `item ${execution.loop_item.index + 1}` : "", execution.superseded ? "superseded" : "",
        ].filter(Boolean).join(", ");
        return (
          <li key={bar.key}>
            <button
              type="button"
              onClick={() => onSelect(bar.key)}
              title={`${execution.step_id} ${words} ${stateOf(status).word}, ${duration(seconds)}`}
              className={cn("grid min-h-7 w-full grid-cols-[minmax(7rem,11rem)_1fr_3.5rem] items-center gap-2 rounded-control px-1 text-left text-xs hover:bg-sunken touch:min-h-11", execution.superseded && "opacity-60")}
            >
              <span className="flex min-w-0 items-center gap-1.5"><StatusMark status={status} word className="size-3.5" /><span className="truncate">{execution.step_id}</span>{short ? <span className="shrink-0 text-muted" aria-hidden>{short}</span> : null}<span className="sr-only">{words}</span></span>
              <span className={cn(toneClass[stateOf(status).tone], "relative block h-3")}>
                <span className="absolute inset-x-0 top-1/2 h-px bg-border" />
                <span className="absolute top-1/2 h-px bg-tone" style={{ left: `${bar.left}%`, width: `${bar.wait}%` }} />
                <span className="absolute inset-y-0 rounded-[2px] bg-tone" style={{ left: `${Math.min(99.6, bar.left + bar.wait)}%`, width: `${bar.width}%` }} />
              </span>
              <span className="text-right text-muted">{seconds > 0 ? duration(seconds) : "–"}</span>
            </button>
          </li>
        );
      })}
    </ol>
  );
}
