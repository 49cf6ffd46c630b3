import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useMemo } from "react";

import { rowsOf } from "@/api/paging";
import { callsQuery, usageQuery } from "@/api/usage";
import { Button } from "@/components/ui/button";
import { Facts, Money, Time } from "@/components/ui/facts";
import { ProblemPanel } from "@/components/ui/problem-panel";
import { SkeletonRows } from "@/components/ui/skeleton";
import { Status } from "@/components/ui/status";
import { Row, Table, TableBody, TableHead, Td, Th } from "@/components/ui/table";
import { bytes, count, duration, exact } from "@/lib/format";

import { checksQuery, egressQuery, type Execution, type RunDetail, sessionQuery } from "../queries";
import { activeStep } from "../states";
import { plainText } from "../transcript/ansi";
import { Fold } from "../transcript/fold";
import { LogText } from "../transcript/log-text";
import { Value } from "../transcript/row-view";
import { took } from "../transcript/tool-card";

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

export function CallsTab({ run }: { run: RunDetail }) {
  const calls = useInfiniteQuery(callsQuery({ run_id: run.id }, 200));
  if (calls.error) return <ProblemPanel problem={calls.error} onRetry={() => void calls.refetch()} />;
  if (!calls.data) return <SkeletonRows rows={5} />;
  const rows = rowsOf(calls.data);
  if (rows.length === 0) return <p className="text-sm text-muted">No model was called yet.</p>;
  return (
    <div className="grid gap-2">
      <Table>
        <TableHead><tr><Th>Step</Th><Th>Model</Th><Th numeric>Tokens</Th><Th numeric>Cost</Th><Th numeric>Took</Th></tr></TableHead>
        <TableBody>
          {rows.map((call) => (
            <Row key={call.id}>
              <Td><span title={exact(call.created_at)}>{call.step_id || "–"}</span></Td>
              <Td className="break-all">{call.status === "failed" ? <Status status="failed" className="mr-1">{call.error_class || "failed"}</Status> : null}{call.model}</Td>
              <Td numeric title="in / out">{count(call.input_tokens)} / {count(call.output_tokens)}</Td>
              <Td numeric>{call.cost_total == null ? "?" : <Money amount={call.cost_total} />}</Td>
              <Td numeric>{call.duration_ms ? took(call.duration_ms) : "–"}</Td>
            </Row>
          ))}
        </TableBody>
      </Table>
      {calls.hasNextPage ? <Button size="sm" busy={calls.isFetchingNextPage} onClick={() => void calls.fetchNextPage()}>Load more</Button> : null}
    </div>
  );
}

/** Where the agent worked: the box of the step in view, its end, its last words, its connections. */
export function ContainerTab({ run, stepId }: { run: RunDetail; stepId: string }) {
  const rows = run.executions.filter((row) => row.session_id && (!stepId || row.step_id === stepId));
  const row = (stepId ? undefined : activeStep(run)) ?? rows.at(-1);
  const sessionId = row?.session_id ?? "";
  const session = useQuery({ ...sessionQuery(sessionId), enabled: sessionId !== "" });
  const egress = useQuery({ ...egressQuery(sessionId), enabled: sessionId !== "" });
  if (!row) return <p className="text-sm text-muted">No box was started{stepId ? ` for ${stepId}` : ""} yet.</p>;
  if (session.error) return <ProblemPanel problem={session.error} onRetry={() => void session.refetch()} />;
  if (!session.data) return <SkeletonRows rows={4} />;
  return (
    <div className="grid gap-4">
      <p className="text-sm text-muted">{row.step_id}, visit {row.visit}, try {row.attempt} · <Link to="/sessions/$sessionId" params={{ sessionId }} className="text-accent hover:underline">the whole session</Link></p>
      {session.data.containers.length === 0 ? <p className="text-sm text-muted">This session had no box of its own.</p> : null}
      {session.data.containers.map((box) => (
        <section key={box.name} aria-label={`Box ${box.name}`} className="grid gap-2">
          <Facts items={[
            ["Name", <span key="name" className="font-mono text-code break-all">{box.name}</span>],
            ["Runs in", box.backend === "process" ? "a plain process, not isolated" : box.backend],
            ["State", box.status],
            ["Image", box.image || "–"],
            ["Limits", limitWords(box.limits)],
            ["Ready after", box.ready_at ? duration((Date.parse(box.ready_at) - Date.parse(box.created_at)) / 1000) : "–"],
            ["Exit", box.exit_code === null || box.exit_code === undefined ? "–" : `${box.exit_code}${box.oom_killed ? ", out of memory" : ""}`],
          ]} />
          {box.log_tail ? <LogText text={box.log_tail} label="Last lines of the box" /> : null}
        </section>
      ))}
      <section aria-label="Connections">
        <h3 className="mb-1 text-sm font-semibold">Connections to the outside</h3>
        {egress.error ? <ProblemPanel problem={egress.error} /> : null}
        {egress.data?.length === 0 ? <p className="text-sm text-muted">None was tried.</p> : null}
        {egress.data && egress.data.length > 0 ? (
          <Table>
            <TableHead><tr><Th>Host</Th><Th>Verdict</Th><Th numeric>Times</Th><Th numeric>Bytes</Th></tr></TableHead>
            <TableBody>{egress.data.map((record) => (
              <Row key={`${record.host}:${record.port}:${record.verdict}`}><Td className="break-all">{record.host}:{record.port}</Td><Td><Status status={record.verdict === "allowed" ? "ok" : "failed"}>{record.verdict.replaceAll("_", " ")}</Status></Td><Td numeric>{count(record.count)}</Td><Td numeric>{bytes((record.bytes_sent ?? 0) + (record.bytes_received ?? 0))}</Td></Row>
            ))}</TableBody>
          </Table>
        ) : null}
      </section>
    </div>
  );
}

function limitWords(limits: unknown): string {
  if (!limits || typeof limits !== "object") return "–";
  return Object.entries(limits).map(([name, value]) => `${name.replaceAll("_", " ")} ${String(value)}`).join(", ") || "–";
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
