import { Link } from "@tanstack/react-router";
import { Ellipsis, GitBranch, GitFork, Hand, ListPlus, MessageCircle, Pause, Play, RotateCcw, Square, Trash2 } from "lucide-react";

import { refusal, useMe } from "@/api/me";
import { Button, IconButton } from "@/components/ui/button";
import { CopyId, Elapsed, Money } from "@/components/ui/facts";
import { Menu, MenuContent, MenuItem, MenuSeparator, MenuTrigger } from "@/components/ui/menu";
import { PageHeader } from "@/components/ui/page-header";
import { StatusBadge, stateOf } from "@/components/ui/status";
import { count, money } from "@/lib/format";

import type { RunDetail } from "../queries";
import { controls, hasEnded, openApproval } from "../states";
import type { RunAction } from "./run-actions";

const firstLine = (text: string): string => text.trim().split("\n")[0] ?? "";

export function RunHeader({ run, onAction }: { run: RunDetail; onAction: (action: RunAction) => void }) {
  const may = controls(run);
  const closed = refusal(useMe(), "member");
  const approval = openApproval(run);
  const title = firstLine(run.task) || run.pipeline_id;
  return (
    <PageHeader
      title={title.length > 140 ? `${title.slice(0, 139)}…` : title}
      mark={<StatusBadge status={run.status} />}
      className="pb-3"
      actions={
        <>
          {approval ? <Button look="primary" refusal={closed} onClick={() => onAction({ kind: "approve" })}><Hand aria-hidden />Decide</Button> : null}
          {may.steer ? <Button refusal={closed} onClick={() => onAction({ kind: "steer" })} title="Tell the agent something (h)"><MessageCircle aria-hidden />Steer</Button> : null}
          {may.pause ? <Button refusal={closed} onClick={() => onAction({ kind: "pause" })} title="Pause (p)"><Pause aria-hidden />Pause</Button> : null}
          {may.resume ? <Button look="primary" refusal={closed} onClick={() => onAction({ kind: "resume" })} title="Resume (p)"><Play aria-hidden />Resume</Button> : null}
          {may.stop ? <Button look="bad" refusal={closed} onClick={() => onAction({ kind: "stop" })} title="Stop (s)"><Square aria-hidden />Stop</Button> : null}
          {may.restart ? <Button refusal={closed} onClick={() => onAction({ kind: "restart" })}><RotateCcw aria-hidden />Run again</Button> : null}
          <Menu>
            <MenuTrigger asChild><IconButton label="More actions" look="plain"><Ellipsis aria-hidden /></IconButton></MenuTrigger>
            <MenuContent>
              <MenuItem disabled={!may.fork || closed !== null} onSelect={() => onAction({ kind: "fork", step: "" })}><GitFork aria-hidden />Fork from a step</MenuItem>
              <MenuItem disabled={closed !== null || run.executions.length === 0} onSelect={() => onAction({ kind: "restart-step", step: "" })}><RotateCcw aria-hidden />Restart a step</MenuItem>
              <MenuItem asChild><Link to="/runs/compare" search={{ a: run.id, b: run.parent_run_id ?? "" }}><ListPlus aria-hidden />Compare with another run</Link></MenuItem>
              <MenuSeparator />
              <MenuItem bad disabled={!may.remove || closed !== null} onSelect={() => onAction({ kind: "delete" })}><Trash2 aria-hidden />Delete run</MenuItem>
            </MenuContent>
          </Menu>
        </>
      }
    >
      <p className="flex flex-wrap items-center gap-x-4 gap-y-1">
        <Link to="/pipelines/$pipelineId" params={{ pipelineId: run.pipeline_id }} className="text-accent hover:underline">{run.pipeline_id}</Link>
        <CopyId id={run.id} />
        {run.task_branch ? <span className="inline-flex items-center gap-1 font-mono text-code"><GitBranch aria-hidden className="size-3.5" />{run.task_branch}</span> : null}
        {run.started_at ? <span title="Time since it began">{hasEnded(run) ? "took " : ""}<Elapsed from={run.started_at} to={run.completed_at} /></span> : null}
        <span title={run.cost.unknown_calls ? `and ${run.cost.unknown_calls} calls of unknown price` : "Cost of all model calls"}><Money amount={run.cost.total} />{run.cost.unknown_calls ? " + ?" : ""}{forecastWord(run)}</span>
        <span>{count(run.cost.tokens)} tokens</span>
        {run.generation > 1 ? <span>restart {run.generation - 1}</span> : null}
        {run.parent_run_id ? <Link to="/runs/$runId" params={{ runId: run.parent_run_id }} className="text-accent hover:underline">fork of another run</Link> : null}
        <span className="sr-only" role="status">The run is now: {stateOf(run.status).word}</span>
      </p>
    </PageHeader>
  );
}

interface Range {
  p10?: number;
  p90?: number;
}

function forecastWord(run: RunDetail): string {
  const range = (run.forecast as { cost_usd?: Range }).cost_usd;
  if (range?.p10 === undefined || range.p90 === undefined) return "";
  return ` of ${money(range.p10)}–${money(range.p90)} foretold`;
}
