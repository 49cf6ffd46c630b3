import { Link } from "@tanstack/react-router";

import type { Schemas } from "@/api/client";
import { firstLine } from "@/components/decisions/decision-card";
import { Elapsed, Money, Time } from "@/components/ui/facts";
import { StatusMark } from "@/components/ui/status";

/** A run in a line or two: what it does, how long, for how much. */
export function RunLine({ run }: { run: Schemas["Run"] }) {
  return (
    <li className="grid grid-cols-[minmax(0,1fr)_auto] items-center gap-x-4 gap-y-0.5 px-4 py-2 text-sm" data-row="">
      <Link to="/runs/$runId" params={{ runId: run.id }} className="flex min-w-0 items-center gap-2 font-medium hover:underline">
        <StatusMark status={run.status} word />
        <span className="truncate">{firstLine(run.task)}</span>
      </Link>
      <span className="text-right">
        <Elapsed from={run.started_at ?? run.created_at} to={run.completed_at} />
      </span>
      <span className="truncate text-xs text-muted">
        {run.pipeline_id}
        {run.completed_at ? (
          <>
            , ended <Time at={run.completed_at} />
          </>
        ) : (
          <>
            {run.current_step ? `, step ${run.current_step}` : ""}, last sign of life <Time at={run.updated_at} />
          </>
        )}
      </span>
      <span className="text-right text-xs text-muted">
        <Money amount={run.cost_total} />
      </span>
    </li>
  );
}
