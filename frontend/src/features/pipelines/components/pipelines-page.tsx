import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Plus, Workflow } from "lucide-react";
import { useState } from "react";

import type { Schemas } from "@/api/client";
import { refusal, useMe } from "@/api/me";
import { type Pipeline, pipelineKeys, pipelinesQuery } from "@/api/pipelines";
import { type Column, DataTable } from "@/components/data-table";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { EmptyState } from "@/components/ui/empty-state";
import { Time } from "@/components/ui/facts";
import { Input } from "@/components/ui/input";
import { Page, PageHeader } from "@/components/ui/page-header";
import { ProblemPanel } from "@/components/ui/problem-panel";
import { SkeletonRows } from "@/components/ui/skeleton";
import { useFresh } from "@/hooks/use-fresh";
import { duration, money } from "@/lib/format";

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

type Stats = Schemas["AcceptedCost"];

const NONE = "–";

function columnsWith(statsOf: ReadonlyMap<string, Stats>): Column<Pipeline>[] {
  const stats = (row: Pipeline): Stats | undefined => statsOf.get(row.id);
  const share = (row: Pipeline): number => {
    const found = stats(row);
    return found ? Math.round((found.accepted / found.runs) * 100) : -1;
  };
  return [
    { head: "Name", cell: (row) => <Name pipeline={row} />, order: (row) => row.name || row.id },
    { head: "State", cell: (row) => <Validity pipeline={row} />, className: "whitespace-nowrap", order: (row) => row.problems.length },
    { head: "Layer", cell: (row) => <Badge tone={row.layer === "data" ? "accent" : "quiet"}>{row.layer === "data" ? "yours" : "built in"}</Badge>, order: (row) => row.layer },
    { head: "Steps", numeric: true, cell: (row) => row.steps.length, order: (row) => row.steps.length },
    { head: "Runs, 30 d", numeric: true, cell: (row) => stats(row)?.runs ?? 0, order: (row) => stats(row)?.runs ?? 0 },
    { head: "Success", numeric: true, cell: (row) => (share(row) < 0 ? NONE : `${share(row)} %`), order: share },
    { head: "Median time", numeric: true, cell: (row) => median(stats(row)?.duration_median_s, duration), order: (row) => stats(row)?.duration_median_s ?? -1 },
    { head: "Median cost", numeric: true, cell: (row) => median(stats(row)?.cost_median, money), order: (row) => stats(row)?.cost_median ?? -1 },
    {
      head: "Last ended", numeric: true, order: (row) => stats(row)?.last_ended_at ?? "",
      cell: (row) => (stats(row) ? <Link to="/runs" search={{ pipeline: row.id }} className="hover:underline"><Time at={stats(row)?.last_ended_at} /></Link> : NONE),
    },
  ];
}

const median = (value: number | null | undefined, words: (value: number) => string): string => (value == null ? NONE : words(value));

function Name({ pipeline }: { pipeline: Pipeline }) {
  return (
    <>
      <Link to="/pipelines/$pipelineId" params={{ pipelineId: pipeline.id }} className="font-medium hover:underline">{pipeline.name || pipeline.id}</Link>
      <span className="block max-w-prose text-xs text-muted">{pipeline.id} {pipeline.version !== "0.0.0" ? `· ${pipeline.version} ` : ""}{pipeline.description ? `· ${pipeline.description}` : ""}</span>
    </>
  );
}
