import { History } from "lucide-react";
import { useMemo } from "react";

import { useAsOf } from "@/components/transcript/as-of";
import { sectionKey } from "@/components/transcript/model";
import type { SectionContext } from "@/components/transcript/row-view";
import type { RowFilter } from "@/components/transcript/rows";
import type { LiveTranscript } from "@/components/transcript/use-transcript";
import { type GoTo, TranscriptViewer } from "@/components/transcript/viewer";
import { Button } from "@/components/ui/button";
import { Select } from "@/components/ui/input";

import { type RunDetail, wholeOf } from "../queries";
import { hasEnded, shownStatus } from "../states";

interface RunOutputProps {
  run: RunDetail;
  transcript: LiveTranscript;
  filter: RowFilter;
  onFilter: (change: Partial<RowFilter>) => void;
  onCommit: (hash: string) => void;
  goTo: GoTo | null;
  /** As the run was when this event had come. */
  at: string | null;
  onNow: () => void;
}

/** The transcript of a run, by step and visit. */
export function RunOutput({ run, transcript: live, filter, onFilter, onCommit, goTo, at, onNow }: RunOutputProps) {
  const transcript = useAsOf(live, at);
  const whole = useMemo(() => wholeOf(run.id), [run.id]);
  const { stepId } = filter;
  const contexts = useContexts(run, onCommit);
  const empty = stepId
    ? { title: `Nothing of ${stepId} here`, text: "No route has led to this step yet, or nothing of it passes the filter." }
    : { title: "Nothing yet", text: hasEnded(run) ? "No step of this run has begun." : "The agents' work appears here as it happens." };
  return (
    <TranscriptViewer
      transcript={transcript}
      isLive={!hasEnded(run) && at === null}
      label="Output of the run"
      contexts={contexts}
      filter={filter}
      onFilter={onFilter}
      scope={
        <>
          {at === null ? null : <Button size="sm" look="primary" onClick={onNow} title="Back to the run as it is now"><History aria-hidden />As of event {at} ✕</Button>}
          <VisitFilter run={run} filter={filter} onFilter={onFilter} />
        </>
      }
      empty={empty}
      goTo={goTo}
      whole={whole}
    />
  );
}

function VisitFilter({ run, filter, onFilter }: Pick<RunOutputProps, "run" | "filter" | "onFilter">) {
  if (!filter.stepId) return null;
  const visits = new Set(run.executions.filter((row) => row.step_id === filter.stepId).map((row) => row.visit));
  return (
    <span className="flex items-center gap-1">
      <Button size="sm" onClick={() => onFilter({ stepId: "", visit: null })} title="Show all steps">{filter.stepId} ✕</Button>
      {visits.size > 1 ? (
        <Select aria-label="Visit" className="h-7 w-auto text-xs" value={filter.visit ?? ""} onChange={(event) => onFilter({ visit: event.target.value ? Number(event.target.value) : null })}>
          <option value="">All visits</option>
          {[...visits].map((visit) => <option key={visit} value={visit}>Visit {visit}</option>)}
        </Select>
      ) : null}
    </span>
  );
}

/** What the snapshot says of each section. The query cache keeps executions that have not changed. */
function useContexts(run: RunDetail, onCommit: (hash: string) => void): Map<string, SectionContext> {
  return useMemo(
    () => new Map(run.executions.map((execution) => [
      sectionKey(execution.step_id, execution.visit, execution.attempt),
      { execution, status: shownStatus(execution, run), onCommit },
    ])),
    [run, onCommit],
  );
}
