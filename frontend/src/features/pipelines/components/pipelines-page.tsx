import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Plus, Workflow } from "lucide-react";
import { useState } from "react";

import { refusal, useMe } from "@/api/me";
import { type Pipeline, pipelineKeys, pipelinesQuery } from "@/api/pipelines";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { EmptyState } from "@/components/ui/empty-state";
import { Money } from "@/components/ui/facts";
import { Input } from "@/components/ui/input";
import { Page, PageHeader } from "@/components/ui/page-header";
import { ProblemPanel } from "@/components/ui/problem-panel";
import { SkeletonRows } from "@/components/ui/skeleton";
import { Row, Table, TableBody, TableHead, Td, Th } from "@/components/ui/table";
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
      {rows.length > 0 ? (
        <Table className="max-sm:block">
          <TableHead className="max-sm:hidden"><tr><Th>Name</Th><Th>State</Th><Th>Layer</Th><Th numeric>Steps</Th><Th numeric>Runs</Th><Th numeric>Accepted</Th><Th numeric>Cost an accepted run</Th></tr></TableHead>
          <TableBody className="max-sm:block">{rows.map((row) => <PipelineRow key={row.id} pipeline={row} stats={statsOf.get(row.id)} />)}</TableBody>
        </Table>
      ) : null}
      {costs.error ? <ProblemPanel problem={costs.error} className="mt-2" onRetry={() => void costs.refetch()} /> : null}
    </Page>
  );
}

interface Stats {
  runs: number;
  accepted: number;
  cost_per_accepted: number | null;
}

function PipelineRow({ pipeline, stats }: { pipeline: Pipeline; stats: Stats | undefined }) {
  const share = stats && stats.runs > 0 ? `${Math.round((stats.accepted / stats.runs) * 100)} %` : "–";
  return (
    <Row className="max-sm:flex max-sm:flex-wrap max-sm:items-center max-sm:py-2">
      <Td className="max-sm:w-full">
        <Link to="/pipelines/$pipelineId" params={{ pipelineId: pipeline.id }} className="font-medium hover:underline">{pipeline.name || pipeline.id}</Link>
        <span className="block max-w-prose text-xs text-muted">{pipeline.id} {pipeline.version !== "0.0.0" ? `· ${pipeline.version} ` : ""}{pipeline.description ? `· ${pipeline.description}` : ""}</span>
      </Td>
      <Td className="whitespace-nowrap"><Validity pipeline={pipeline} /></Td>
      <Td><Badge tone={pipeline.layer === "data" ? "accent" : "quiet"}>{pipeline.layer === "data" ? "yours" : "built in"}</Badge></Td>
      <Td numeric className="max-sm:hidden">{pipeline.steps.length}</Td>
      <Td numeric className="max-sm:hidden">{stats?.runs ?? 0}</Td>
      <Td numeric className="max-sm:hidden">{share}</Td>
      <Td numeric className="max-sm:hidden">{stats && stats.cost_per_accepted !== null ? <Money amount={stats.cost_per_accepted} /> : "–"}</Td>
    </Row>
  );
}
