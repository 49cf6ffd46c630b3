import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { Play, Trash2 } from "lucide-react";
import { lazy, Suspense, useMemo, useState } from "react";

import { refusal, useMe } from "@/api/me";
import { pipelineKeys } from "@/api/pipelines";
import { isProblem } from "@/api/problem";
import { StepList } from "@/components/step-graph/step-list";
import type { ShownStep } from "@/components/step-graph/types";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Confirm } from "@/components/ui/confirm";
import { EmptyState } from "@/components/ui/empty-state";
import { AgentChip, Elapsed, Facts, Money, Time } from "@/components/ui/facts";
import { Page, PageHeader } from "@/components/ui/page-header";
import { NotFound, ProblemPanel } from "@/components/ui/problem-panel";
import { SkeletonRows } from "@/components/ui/skeleton";
import { Status } from "@/components/ui/status";
import { Row, Table, TableBody, TableHead, Td, Th } from "@/components/ui/table";
import { Tab, TabList, TabPanel, Tabs } from "@/components/ui/tabs";
import { useFresh } from "@/hooks/use-fresh";
import { duration } from "@/lib/format";
import { said } from "@/lib/toast";

import { pipelineGraphQuery, pipelineQuery, pipelineRawQuery, pipelineRunsQuery, useDeletePipeline, type PipelineDetail } from "../queries";
import type { PipelineSearch } from "../search";
import { lineOfStep } from "../step-line";
import { PipelineEditor } from "./pipeline-editor";
import { ProblemList } from "./problem-list";
import { Validity } from "./validity";

const StepGraph = lazy(() => import("@/components/step-graph/step-graph").then((module) => ({ default: module.StepGraph })));
const HistoryTab = lazy(() => import("./history-tab").then((module) => ({ default: module.HistoryTab })));
const NONE: ReadonlySet<string> = new Set();

export function PipelinePage({ id, search }: { id: string; search: PipelineSearch }) {
  const navigate = useNavigate({ from: "/pipelines/$pipelineId" });
  const pipeline = useQuery(pipelineQuery(id));
  const member = refusal(useMe(), "member");
  useFresh("pipelines", (frame) => (frame.data.pipelineId === id ? [pipelineKeys.all] : []), [pipelineKeys.all]);
  const setSearch = (change: Partial<PipelineSearch>): void => void navigate({ search: (before) => ({ ...before, ...change }), replace: true });
  if (pipeline.error && !pipeline.data) {
    if (isProblem(pipeline.error) && pipeline.error.isMissing) return <NotFound what="pipeline" />;
    return <Page><ProblemPanel problem={pipeline.error} onRetry={() => void pipeline.refetch()} /></Page>;
  }
  if (!pipeline.data) return <Page><SkeletonRows rows={8} /></Page>;
  const { data } = pipeline;
  const canRun = member ?? (data.valid ? null : "It has errors: mend them first.");
  const tab = search.tab ?? "graph";
  return (
    <Page>
      <PageHeader
        title={data.name || data.id}
        mark={<><Validity pipeline={data} /><Badge tone={data.layer === "data" ? "accent" : "quiet"}>{data.layer === "data" ? "yours" : "built in"}</Badge></>}
        actions={
          <>
            <DeleteButton pipeline={data} />
            {canRun ? <Button look="primary" refusal={canRun}><Play aria-hidden />Run this pipeline</Button>
              : <Button look="primary" asChild><Link to="/runs" search={{ new: true, pipeline: data.id }}><Play aria-hidden />Run this pipeline</Link></Button>}
          </>
        }
      >
        <p>{data.id} · version {data.version}{data.description ? ` · ${data.description}` : ""}</p>
      </PageHeader>
      <Tabs value={tab} onValueChange={(value) => setSearch({ tab: value as PipelineSearch["tab"], line: undefined })}>
        <TabList aria-label="About the pipeline">
          <Tab value="graph">Graph</Tab>
          <Tab value="yaml">YAML</Tab>
          <Tab value="problems">Problems{data.problems.length > 0 ? <span className="text-muted">{data.problems.length}</span> : null}</Tab>
          <Tab value="runs">Runs</Tab>
          <Tab value="history">History</Tab>
        </TabList>
        <TabPanel value={tab} className="pt-4">
          {tab === "graph" ? <GraphTab pipeline={data} selected={search.step ?? ""} onSelect={(step) => setSearch({ step: step === search.step ? undefined : step })} onLine={(line) => setSearch({ tab: "yaml", line })} /> : null}
          {tab === "yaml" ? <YamlTab key={data.id} id={data.id} line={search.line} /> : null}
          {tab === "problems" ? <ProblemList problems={data.problems} onLine={(line) => setSearch({ tab: "yaml", line })} /> : null}
          {tab === "runs" ? <RunsTab id={data.id} /> : null}
          {tab === "history" ? <Suspense fallback={<SkeletonRows rows={4} />}><HistoryTab id={data.id} /></Suspense> : null}
        </TabPanel>
      </Tabs>
    </Page>
  );
}

interface GraphTabProps {
  pipeline: PipelineDetail;
  selected: string;
  onSelect: (step: string) => void;
  onLine: (line: number) => void;
}

function GraphTab({ pipeline, selected, onSelect, onLine }: GraphTabProps) {
  const graph = useQuery(pipelineGraphQuery(pipeline.id));
  const steps = useMemo(() => (graph.data?.nodes ?? []).map((node): ShownStep => ({
    id: node.id, agent: node.agent_name || node.agent, status: "", visits: 0, seconds: 0, result: "", model: "", loop: null,
    isLoop: node.type === "loop", approval: node.approval, checks: node.checks.length,
  })), [graph.data]);
  if (graph.error) return <ProblemPanel problem={graph.error} onRetry={() => void graph.refetch()} />;
  if (!graph.data) return <SkeletonRows rows={6} />;
  if (steps.length === 0) return <EmptyState title="It has no steps that could be read">The tab “Problems” says why.</EmptyState>;
  const step = pipeline.steps.find((each) => each.id === selected);
  return (
    <div className="grid gap-4 lg:grid-cols-[minmax(0,1fr)_360px]">
      <div className="self-start overflow-hidden rounded-card border bg-surface max-sm:hidden">
        <Suspense fallback={<SkeletonRows rows={6} />}>
          <StepGraph steps={steps} edges={graph.data.edges} taken={NONE} selected={selected} onSelect={onSelect} className="h-[62dvh]" />
        </Suspense>
      </div>
      <div className="grid content-start gap-4">
        {step ? <StepFacts step={step} pipeline={pipeline} onLine={onLine} /> : null}
        <section aria-label="Steps"><h2 className="mb-1 text-sm font-semibold">Steps</h2><StepList steps={steps} edges={graph.data.edges} taken={NONE} selected={selected} onSelect={onSelect} /></section>
      </div>
    </div>
  );
}

function StepFacts({ step, pipeline, onLine }: { step: PipelineDetail["steps"][number]; pipeline: PipelineDetail; onLine: (line: number) => void }) {
  const raw = useQuery(pipelineRawQuery(pipeline.id));
  const agent = pipeline.agents.find((each) => each.id === step.agent);
  const line = raw.data ? lineOfStep(raw.data.yaml, step.id) : 0;
  return (
    <section aria-label={`Step ${step.id}`} className="grid gap-3 rounded-card border bg-surface p-4">
      <div className="flex items-center justify-between gap-2"><h2 className="font-semibold">{step.id}</h2>{line ? <Button size="sm" onClick={() => onLine(line)}>Line {line}</Button> : null}</div>
      {step.description ? <p className="text-sm text-muted">{step.description}</p> : null}
      <Facts items={[
        ["Agent", <AgentChip key="agent" id={step.agent} name={agent?.name ?? step.agent} />],
        ["Model", step.model ?? agent?.model ?? "that of the agent"],
        ["Outputs", step.outputs.join(", ") || "–"],
        ["Tools", step.tools.length > 0 ? step.tools.join(", ") : "all"],
        ["Time limit", duration(step.timeout_s)],
        ["Tries", `${step.max_retries} after an error`],
        ["Approval", step.approval ? "a person must agree" : "not asked"],
        ["Checks", step.checks.map((check) => check.name).join(", ") || "none"],
        ...(step.loop ? [["Loop over", step.loop.over] as [string, string]] : []),
      ]} />
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls must be reachable by keys */}
      <pre tabIndex={0} aria-label="What the agent is told" className="max-h-56 overflow-auto rounded-control bg-sunken p-2 font-mono text-code whitespace-pre-wrap">{step.input}</pre>
    </section>
  );
}

function YamlTab({ id, line }: { id: string; line: number | undefined }) {
  const raw = useQuery(pipelineRawQuery(id));
  if (raw.error) return <ProblemPanel problem={raw.error} onRetry={() => void raw.refetch()} />;
  if (!raw.data) return <SkeletonRows rows={10} />;
  return <PipelineEditor id={id} line={line} source={{ text: raw.data.yaml, version: raw.data.sha256, layer: raw.data.layer }} onSaved={() => undefined} />;
}

function RunsTab({ id }: { id: string }) {
  const runs = useQuery(pipelineRunsQuery(id));
  if (runs.error) return <ProblemPanel problem={runs.error} onRetry={() => void runs.refetch()} />;
  if (!runs.data) return <SkeletonRows rows={6} />;
  if (runs.data.items.length === 0) return <EmptyState title="It has not run yet" />;
  return (
    <div className="grid gap-2">
      <Table>
        <TableHead><tr><Th>State</Th><Th>Task</Th><Th numeric>Started</Th><Th numeric>Took</Th><Th numeric>Cost</Th></tr></TableHead>
        <TableBody>{runs.data.items.map((run) => (
          <Row key={run.id}>
            <Td><Status status={run.status} /></Td>
            <Td><Link to="/runs/$runId" params={{ runId: run.id }} className="font-medium hover:underline">{run.task.trim().split("\n")[0]?.slice(0, 160) || run.id}</Link></Td>
            <Td numeric><Time at={run.created_at} /></Td>
            <Td numeric><Elapsed from={run.started_at} to={run.completed_at} /></Td>
            <Td numeric>{run.cost_total === null ? "–" : <Money amount={run.cost_total} />}</Td>
          </Row>
        ))}</TableBody>
      </Table>
      {runs.data.next ? <p className="text-sm"><Link to="/runs" search={{ pipeline: id }} className="text-accent hover:underline">All runs of it</Link></p> : null}
    </div>
  );
}

function DeleteButton({ pipeline }: { pipeline: PipelineDetail }) {
  const [open, setOpen] = useState(false);
  const remove = useDeletePipeline();
  const navigate = useNavigate();
  const closed = refusal(useMe(), "admin");
  if (pipeline.layer !== "data") return null;
  return (
    <>
      <Button refusal={closed} onClick={() => setOpen(true)}><Trash2 aria-hidden />Delete</Button>
      <Confirm open={open} onOpenChange={setOpen} title={`Delete the pipeline ${pipeline.id}?`} action="Delete pipeline" onConfirm={async () => {
        await remove.mutateAsync({ id: pipeline.id, version: pipeline.sha256 });
        said("The pipeline is deleted");
        await navigate({ to: "/pipelines" });
      }}>
        <p>Its file is removed. A built-in pipeline of the same id counts again. Runs that use it go on: each has a copy of its own.</p>
      </Confirm>
    </>
  );
}
