import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";

import { Button } from "@/components/ui/button";
import { EmptyState } from "@/components/ui/empty-state";
import { Elapsed, Money } from "@/components/ui/facts";
import { Field, Input } from "@/components/ui/input";
import { Page, PageHeader, Section } from "@/components/ui/page-header";
import { ProblemPanel } from "@/components/ui/problem-panel";
import { SkeletonRows } from "@/components/ui/skeleton";
import { Status } from "@/components/ui/status";
import { Row, Table, TableBody, TableHead, Td, Th } from "@/components/ui/table";
import { useNow } from "@/hooks/use-now";
import { cn } from "@/lib/cn";
import { count, duration } from "@/lib/format";

import { pathsSideBySide } from "../compare";
import { type Execution, runQuery, type RunDetail } from "../queries";
import { executionSeconds } from "../states";
import { ShownDiff } from "./changes-tab";
import { Value } from "@/components/transcript/row-view";

/** Two runs side by side: where their ways part, what came out, what it cost. */
export function ComparePage({ a, b }: { a: string; b: string }) {
  const left = useQuery({ ...runQuery(a), enabled: a !== "" });
  const right = useQuery({ ...runQuery(b), enabled: b !== "" });
  const problem = left.error ?? right.error;
  return (
    <Page>
      <PageHeader title="Compare two runs" />
      <Choose a={a} b={b} />
      {problem ? <ProblemPanel problem={problem} className="mt-4" /> : null}
      {a && b && !problem ? (left.data && right.data ? <Comparison left={left.data} right={right.data} /> : <SkeletonRows className="mt-4" />) : null}
      {!a || !b ? <EmptyState className="mt-4" title="Name two runs">A run and its fork, say, or the same task with two models. The id stands at the top of each run.</EmptyState> : null}
    </Page>
  );
}

function Choose({ a, b }: { a: string; b: string }) {
  const navigate = useNavigate();
  const [first, setFirst] = useState(a);
  const [second, setSecond] = useState(b);
  return (
    <form className="grid items-end gap-3 sm:grid-cols-[1fr_1fr_auto]" onSubmit={(event) => {
      event.preventDefault();
      void navigate({ to: "/runs/compare", search: { a: first.trim(), b: second.trim() } });
    }}>
      <Field label="First run">{(control) => <Input {...control} className="font-mono" spellCheck={false} value={first} onChange={(event) => setFirst(event.target.value)} />}</Field>
      <Field label="Second run">{(control) => <Input {...control} className="font-mono" spellCheck={false} value={second} onChange={(event) => setSecond(event.target.value)} />}</Field>
      <Button type="submit" look="primary">Compare</Button>
    </form>
  );
}

function Comparison({ left, right }: { left: RunDetail; right: RunDetail }) {
  const [diff, setDiff] = useState(false);
  const outputs = [...new Set([...Object.keys(left.outputs), ...Object.keys(right.outputs)])];
  const facts: [string, (run: RunDetail) => React.ReactNode][] = [
    ["Task", (run) => <Link to="/runs/$runId" params={{ runId: run.id }} className="text-accent hover:underline">{run.task.split("\n")[0]}</Link>],
    ["State", (run) => <Status status={run.status} />],
    ["Pipeline", (run) => run.pipeline_id],
    ["Model", (run) => run.model_override || [...new Set(run.executions.map((row) => row.model_used).filter(Boolean))].join(", ") || "–"],
    ["Took", (run) => <Elapsed from={run.started_at} to={run.completed_at} />],
    ["Cost", (run) => <Money amount={run.cost.total} />],
    ["Tokens", (run) => count(run.cost.tokens)],
    ["Attempts", (run) => run.executions.length],
    ["Error", (run) => run.error_code || "–"],
  ];
  return (
    <>
      <Section title="Figures" className="mt-4">
        <Table>
          <TableHead><tr><Th><span className="sr-only">What</span></Th><Th>First</Th><Th>Second</Th></tr></TableHead>
          <TableBody>{facts.map(([name, of]) => <Row key={name}><Td className="text-muted">{name}</Td><Td>{of(left)}</Td><Td>{of(right)}</Td></Row>)}</TableBody>
        </Table>
      </Section>
      <Section title="The way they went">
        <Table>
          <TableHead><tr><Th>Step</Th><Th>First</Th><Th>Second</Th></tr></TableHead>
          <TableBody>
            {pathsSideBySide(left, right).map((pair) => (
              <Row key={pair.key} className={cn(pair.differs && "tone-warn bg-tone-tint")}>
                <Td>{pair.key}{pair.differs ? <span className="ml-2 text-xs text-muted">differs</span> : null}</Td>
                <Td><Attempt row={pair.left} /></Td>
                <Td><Attempt row={pair.right} /></Td>
              </Row>
            ))}
          </TableBody>
        </Table>
      </Section>
      <Section title="Outputs">
        {outputs.length === 0 ? <p className="text-sm text-muted">Neither has outputs.</p> : (
          <Table>
            <TableHead><tr><Th>Name</Th><Th>First</Th><Th>Second</Th></tr></TableHead>
            <TableBody>{outputs.map((name) => (
              <Row key={name}><Td className="align-top font-mono text-code">{name}</Td><Td className="align-top"><Value id={`a/${name}`} text={left.outputs[name] ?? "–"} /></Td><Td className="align-top"><Value id={`b/${name}`} text={right.outputs[name] ?? "–"} /></Td></Row>
            ))}</TableBody>
          </Table>
        )}
      </Section>
      <Section title="Changes" actions={<Button size="sm" aria-expanded={diff} onClick={() => setDiff(!diff)}>{diff ? "Hide" : "Show"} the differences</Button>}>
        {diff ? (
          <div className="grid gap-4 lg:grid-cols-2">
            {[left, right].map((run) => <div key={run.id} className="min-w-0">{run.workspace_has_git && run.head_commit ? <ShownDiff runId={run.id} commit="" /> : <p className="text-sm text-muted">This run has no repository.</p>}</div>)}
          </div>
        ) : <p className="text-sm text-muted">What each run changed in its repository.</p>}
      </Section>
    </>
  );
}

function Attempt({ row }: { row: Execution | undefined }) {
  const now = useNow(row?.started_at != null && row.finished_at === null);
  if (!row) return <span className="text-muted">–</span>;
  return <span className="flex flex-wrap items-center gap-x-2"><Status status={row.status} />{row.result_key ? <code className="font-mono text-code">{row.result_key}</code> : null}<span className="text-xs text-muted">{duration(executionSeconds(row, now))}</span></span>;
}
