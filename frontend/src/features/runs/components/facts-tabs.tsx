import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useMemo } from "react";

import { rowsOf } from "@/api/paging";
import { sessionQuery } from "@/api/sessions";
import { callsQuery, usageQuery } from "@/api/usage";
import { Loaded } from "@/components/loaded";
import { SessionBoxes } from "@/components/session-boxes";
import { SessionEgress } from "@/components/session-egress";
import { plainText } from "@/components/transcript/ansi";
import { Fold } from "@/components/transcript/fold";
import { LogText } from "@/components/transcript/log-text";
import { Value } from "@/components/transcript/row-view";
import { Button } from "@/components/ui/button";
import { Facts, Money, Time } from "@/components/ui/facts";
import { ProblemPanel } from "@/components/ui/problem-panel";
import { SkeletonRows } from "@/components/ui/skeleton";
import { Status } from "@/components/ui/status";
import { Row, Table, TableBody, TableHead, Td, Th } from "@/components/ui/table";
import { count, took } from "@/lib/format";

import { checksQuery, type Execution, type RunDetail } from "../queries";
import { activeStep } from "../states";

const CHECK_STATES: Record<string, string> = { passed: "completed", running: "running", cancelled: "cancelled" };

/** What each attempt claimed, and what the server found. */
export function ChecksTab({ run }: { run: RunDetail }) {
  const rows = run.executions.filter((row) => row.checks.length > 0);
  if (rows.length === 0) {
    return <p className="text-sm text-muted">No step of this run has <code className="font-mono text-code">checks</code>. With them the server runs commands itself before it believes that a step is done.</p>;
  }
  return (
    <div className="grid gap-4">
      {rows.toReversed().map((row) => <AttemptChecks key={`${row.step_id}/${row.generation}/${row.visit}/${row.attempt}`} run={run} row={row} />)}
    </div>
  );
}

function AttemptChecks({ run, row }: { run: RunDetail; row: Execution }) {
  const details = useQuery(checksQuery(run.id, row.step_id, row.visit, row.attempt));
  const claim = row.outputs.summary || row.outputs.result || row.result_key || "done";
  return (
    <section aria-label={`Checks of ${row.step_id}`} className="grid gap-1">
      <h3 className="text-sm font-semibold">{row.step_id} <span className="font-normal text-muted">visit {row.visit}, try {row.attempt}</span></h3>
      <p className="text-sm text-muted">The agent says: “{plainText(claim.slice(0, 300))}”</p>
      {row.checks.map((check) => {
        const detail = details.data?.find((each) => each.index === check.index);
        return (
          <Fold key={check.index} id={`check/${row.step_id}/${row.visit}/${row.attempt}/${check.index}`} className="rounded-card border" summary={
            <>
              <Status status={CHECK_STATES[check.verdict] ?? "failed"}>{check.verdict}</Status>
              <span className="min-w-0 flex-1 truncate">{check.name}</span>
              <span className="text-xs text-muted">{check.exit_code !== null ? `exit ${check.exit_code}` : ""} {check.duration_ms !== null ? took(check.duration_ms) : ""}</span>
            </>
          }>
            {() => detail ? (
              <div className="grid gap-2">
                <code className="font-mono text-code break-all">{detail.command}</code>
                {detail.output ? <LogText text={detail.output} label={`Output of ${check.name}`} /> : <p className="text-sm text-muted">No output.</p>}
              </div>
            ) : details.error ? <ProblemPanel problem={details.error} /> : <SkeletonRows rows={2} />}
          </Fold>
        );
      })}
    </section>
  );
}

interface Sum {
  name: string;
  calls: number;
  tokens: number;
  cost: number;
  unknown: number;
}

export function CostTab({ run }: { run: RunDetail }) {
  const models = useQuery(usageQuery({ run_id: run.id, group_by: "model", bucket: "total" }));
  const calls = useInfiniteQuery(callsQuery({ run_id: run.id }, 200));
  const rows = rowsOf(calls.data);
  const steps = useMemo(() => {
    const sums = new Map<string, Sum>();
    for (const call of rows) {
      const name = call.step_id || "no step";
      const sum = sums.get(name) ?? { name, calls: 0, tokens: 0, cost: 0, unknown: 0 };
      sum.calls += 1;
      sum.tokens += (call.input_tokens ?? 0) + (call.output_tokens ?? 0) + (call.cache_read_tokens ?? 0) + (call.cache_write_tokens ?? 0);
      if (call.cost_total == null) sum.unknown += 1;
      else sum.cost += call.cost_total;
      sums.set(name, sum);
    }
    return [...sums.values()];
  }, [rows]);
  const problem = models.error ?? calls.error;
  if (problem) return <ProblemPanel problem={problem} onRetry={() => void Promise.all([models.refetch(), calls.refetch()])} />;
  if (!models.data || !calls.data) return <SkeletonRows rows={4} />;
  if (run.cost.calls === 0) return <p className="text-sm text-muted">No model was called yet.</p>;
  const byModel = models.data.map((row): Sum => ({
    name: row.group || "unknown", calls: row.calls, cost: row.cost_total ?? 0, unknown: row.cost_unknown_calls,
    tokens: row.input_tokens + row.output_tokens + row.cache_read_tokens + row.cache_write_tokens,
  }));
  return (
    <div className="grid gap-4">
      <SumTable title="By model" sums={byModel} />
      <SumTable title={calls.hasNextPage ? `By step, of the ${rows.length} newest calls` : "By step"} sums={steps} />
      {calls.hasNextPage ? <Button size="sm" busy={calls.isFetchingNextPage} onClick={() => void calls.fetchNextPage()}>Load more calls</Button> : null}
    </div>
  );
}

function SumTable({ title, sums }: { title: string; sums: Sum[] }) {
  return (
    <section aria-label={title}>
      <h3 className="mb-1 text-sm font-semibold">{title}</h3>
      <Table>
        <TableHead><tr><Th>Name</Th><Th numeric>Calls</Th><Th numeric>Tokens</Th><Th numeric>Cost</Th></tr></TableHead>
        <TableBody>
          {sums.map((sum) => (
            <Row key={sum.name}><Td className="break-all">{sum.name}</Td><Td numeric>{count(sum.calls)}</Td><Td numeric>{count(sum.tokens)}</Td><Td numeric><Money amount={sum.cost} />{sum.unknown > 0 ? " + ?" : ""}</Td></Row>
          ))}
        </TableBody>
      </Table>
    </section>
  );
}

/** Where the agent worked: the box of the step in view, its end, its last words, its connections. */
export function ContainerTab({ run, stepId }: { run: RunDetail; stepId: string }) {
  const rows = run.executions.filter((row) => row.session_id && (!stepId || row.step_id === stepId));
  const row = (stepId ? undefined : activeStep(run)) ?? rows.at(-1);
  const sessionId = row?.session_id ?? "";
  const session = useQuery({ ...sessionQuery(sessionId), enabled: sessionId !== "" });
  if (!row) return <p className="text-sm text-muted">No box was started{stepId ? ` for ${stepId}` : ""} yet.</p>;
  return (
    <div className="grid gap-4">
      <p className="text-sm text-muted">{row.step_id}, visit {row.visit}, try {row.attempt} · <Link to="/sessions/$sessionId" params={{ sessionId }} className="text-accent hover:underline">the whole session</Link></p>
      <Loaded query={session}>{(found) => <SessionBoxes sessionId={sessionId} boxes={found.containers} />}</Loaded>
      <section aria-label="Connections">
        <h3 className="mb-1 text-sm font-semibold">Connections to the outside</h3>
        <SessionEgress sessionId={sessionId} />
      </section>
    </div>
  );
}

export function OutputsTab({ run }: { run: RunDetail }) {
  const entries = Object.entries(run.outputs).filter(([, value]) => value !== "");
  if (entries.length === 0) return <p className="text-sm text-muted">Steps put their results here: a verdict, a plan, a summary.</p>;
  return (
    <dl className="grid gap-3 text-sm">
      {entries.map(([name, value]) => <div key={name}><dt className="font-mono text-code text-muted">{name}</dt><dd><Value id={`output/${name}`} text={value} /></dd></div>)}
    </dl>
  );
}

export function DetailsTab({ run }: { run: RunDetail }) {
  const variables = Object.entries(run.variables);
  const time = (at: string | null) => (at ? <Time key={at} at={at} /> : "–");
  return (
    <div className="grid gap-4">
      <section aria-label="Task"><h3 className="mb-1 text-sm font-semibold">Task</h3><p className="text-sm break-words whitespace-pre-wrap">{plainText(run.task)}</p></section>
      {run.context ? <section aria-label="Context"><h3 className="mb-1 text-sm font-semibold">Context</h3><LogText text={run.context} label="Context" /></section> : null}
      {run.human_context ? <section aria-label="From people"><h3 className="mb-1 text-sm font-semibold">From people</h3><p className="text-sm whitespace-pre-wrap">{plainText(run.human_context)}</p></section> : null}
      {variables.length > 0 ? <section aria-label="Variables"><h3 className="mb-1 text-sm font-semibold">Variables</h3><Facts items={variables.map(([name, value]) => [name, value])} /></section> : null}
      <Facts items={[
        ["Kind", run.kind],
        ["Started by", run.initiated_by_user_id ?? "the system"],
        ["Created", time(run.created_at)],
        ["Started", time(run.started_at)],
        ["Ended", time(run.completed_at)],
        ["Deadline", time(run.deadline_at)],
        ["Model calls", count(run.cost.calls)],
        ["Tokens in, out", `${count(run.cost.input_tokens)}, ${count(run.cost.output_tokens)}`],
        ["Repository", run.repository || "–"],
        ["Workspace", { git_worktree: "git worktree", persistent_directory: "kept directory" }[run.workspace_type] ?? run.workspace_type],
        ["Branch", run.task_branch || "–"],
        ["Model", run.model_override || "as pipeline and agents say"],
        ["Keys", keyWords(run)],
        ["Recorded as", run.recorded_as || "–"],
      ]} />
    </div>
  );
}

function keyWords(run: RunDetail): string {
  const resolution = run.key_resolution as { source?: unknown };
  return typeof resolution.source === "string" && resolution.source ? resolution.source.replaceAll("_", " ") : "as each call finds them";
}
