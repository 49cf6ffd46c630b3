import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Plus, Workflow } from "lucide-react";
import { useState } from "react";

import { refusal, useMe } from "@/api/me";
import { type Pipeline, pipelineKeys, pipelinesQuery } from "@/api/pipelines";
import { type Column, DataTable } from "@/components/data-table";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { EmptyState } from "@/components/ui/empty-state";
import { Money } from "@/components/ui/facts";
import { Input } from "@/components/ui/input";
import { Page, PageHeader } from "@/components/ui/page-header";
import { ProblemPanel } from "@/components/ui/problem-panel";
import { SkeletonRows } from "@/components/ui/skeleton";
import { useFresh } from "@/hooks/use-fresh";

import { pipelineCostsQuery } from "../queries";
import { Validity } from "./validity";

export function PipelinesPage() {
  const pipelines = useQuery(pipelinesQuery());
  const costs = useQuery(pipelineCostsQuery());
  const closed = refusal(useMe(), "admin");
  const [text, setText] = useState("");
  useFresh("pipelines", () => [pipelineKeys.all], [pipelineKeys.all]);
  const statsOf = new Map(costs.data?.map((row) => [row.pipeline_id, row]));
  const wanted = text.trim().toLowerCase();
  const rows = (pipelines.data ?? []).filter((row) => `${row.id} ${row.name} ${row.description}`.toLowerCase().includes(wanted));
  return (
    <Page>
      <PageHeader title="Pipelines" actions={
        closed ? <Button look="primary" refusal={closed}><Plus aria-hidden />New pipeline</Button>
          : <Button look="primary" asChild><Link to="/pipelines/new"><Plus aria-hidden />New pipeline</Link></Button>
      }>
        The way that work takes through agents. A file in the data directory takes the place of a built-in one.
      </PageHeader>
      <Input type="search" data-page-search="" aria-label="Search pipelines" placeholder="Search" className="mb-3 w-full sm:w-56" value={text} onChange={(event) => setText(event.target.value)} />
      {pipelines.error ? <ProblemPanel problem={pipelines.error} onRetry={() => void pipelines.refetch()} /> : null}
      {pipelines.isPending ? <SkeletonRows rows={8} /> : null}
      {pipelines.data && rows.length === 0 ? <EmptyState icon={Workflow} title={wanted ? "No pipeline matches" : "No pipelines yet"} /> : null}
      {rows.length > 0 ? <DataTable label="Pipelines" rows={rows} columns={columnsWith(statsOf)} id={(row) => `${row.id} ${row.sha256}`} /> : null}
      {costs.error ? <ProblemPanel problem={costs.error} className="mt-2" onRetry={() => void costs.refetch()} /> : null}
    </Page>
  );
}

interface Stats {
  runs: number;
  accepted: number;
  cost_per_accepted: number | null;
}

const NONE: Stats = { runs: 0, accepted: 0, cost_per_accepted: null };

function columnsWith(statsOf: ReadonlyMap<string, Stats>): Column<Pipeline>[] {
  const stats = (row: Pipeline): Stats => statsOf.get(row.id) ?? NONE;
  const share = (row: Pipeline): number => (stats(row).runs > 0 ? Math.round((stats(row).accepted / stats(row).runs) * 100) : -1);
  return [
    { head: "Name", cell: (row) => <Name pipeline={row} />, order: (row) => row.name || row.id },
    { head: "State", cell: (row) => <Validity pipeline={row} />, className: "whitespace-nowrap", order: (row) => row.problems.length },
    { head: "Layer", cell: (row) => <Badge tone={row.layer === "data" ? "accent" : "quiet"}>{row.layer === "data" ? "yours" : "built in"}</Badge>, order: (row) => row.layer },
    { head: "Steps", numeric: true, cell: (row) => row.steps.length, order: (row) => row.steps.length },
    { head: "Runs", numeric: true, cell: (row) => stats(row).runs, order: (row) => stats(row).runs },
    { head: "Accepted", numeric: true, cell: (row) => (share(row) < 0 ? "–" : `${share(row)} %`), order: share },
    {
      head: "Cost an accepted run", numeric: true, order: (row) => stats(row).cost_per_accepted ?? -1,
      cell: (row) => (stats(row).cost_per_accepted === null ? "–" : <Money amount={stats(row).cost_per_accepted} />),
    },
  ];
}

function Name({ pipeline }: { pipeline: Pipeline }) {
  return (
    <>
      <Link to="/pipelines/$pipelineId" params={{ pipelineId: pipeline.id }} className="font-medium hover:underline">{pipeline.name || pipeline.id}</Link>
      <span className="block max-w-prose text-xs text-muted">{pipeline.id} {pipeline.version !== "0.0.0" ? `· ${pipeline.version} ` : ""}{pipeline.description ? `· ${pipeline.description}` : ""}</span>
    </>
  );
}
