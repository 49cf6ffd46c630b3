import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import type { Schemas } from "@/api/client";
import { DataTable, ListTable, type Column } from "@/components/data-table";
import { Loaded } from "@/components/loaded";
import { Badge, type Tone } from "@/components/ui/badge";
import { EmptyState } from "@/components/ui/empty-state";
import { Money } from "@/components/ui/facts";
import { Page, PageHeader, Section } from "@/components/ui/page-header";
import { UsageNav } from "@/components/usage/usage-nav";
import { count } from "@/lib/format";

import { compared, type Verdict } from "../forecasts";
import { acceptedCostQuery, endedRunsQuery } from "../queries";

const VERDICTS: Record<Verdict, [word: string, tone: Tone]> = {
  below: ["below", "ok"],
  within: ["as foretold", "quiet"],
  above: ["above", "warn"],
};

const COSTS: Column<Schemas["AcceptedCost"]>[] = [
  { head: "Pipeline", className: "font-medium", order: (row) => row.pipeline_id, cell: (row) => row.pipeline_id },
  { head: "Runs that ended", numeric: true, order: (row) => row.runs, cell: (row) => count(row.runs) },
  { head: "Completed", numeric: true, order: (row) => row.accepted, cell: (row) => count(row.accepted) },
  { head: "Cost in all", numeric: true, order: (row) => row.cost_total ?? 0, cell: (row) => <Money amount={row.cost_total} /> },
  {
    head: "Cost per completed run",
    numeric: true,
    order: (row) => row.cost_per_accepted ?? 0,
    cell: (row) => (row.cost_per_accepted === null ? "–" : <Money amount={row.cost_per_accepted} />),
  },
];

type Forecast = ReturnType<typeof compared>[number];

const FORECASTS: Column<Forecast>[] = [
  {
    head: "Run",
    className: "max-w-96 truncate",
    cell: (row) => (
      <Link to="/runs/$runId" params={{ runId: row.id }} className="text-accent hover:underline">
        {row.task.split("\n")[0]}
      </Link>
    ),
  },
  { head: "Pipeline", order: (row) => row.pipeline, cell: (row) => row.pipeline },
  {
    head: "Foretold",
    numeric: true,
    order: (row) => row.high,
    cell: (row) => (
      <>
        <Money amount={row.low} /> – <Money amount={row.high} />
      </>
    ),
  },
  { head: "Cost", numeric: true, order: (row) => row.actual, cell: (row) => <Money amount={row.actual} /> },
  { head: "Verdict", cell: (row) => <Badge tone={VERDICTS[row.verdict][1]}>{VERDICTS[row.verdict][0]}</Badge> },
];

export function CostsPage() {
  const costs = useQuery(acceptedCostQuery());
  const runs = useQuery(endedRunsQuery());
  return (
    <Page>
      <PageHeader title="Forecast and cost" />
      <UsageNav />
      <Section title="Cost per completed run">
        <ListTable
          query={costs}
          label="Cost per completed run"
          columns={COSTS}
          id={(row) => row.pipeline_id}
          empty={<EmptyState title="No run has ended yet." />}
        />
      </Section>
      <Section title="Forecast against actual">
        <Loaded query={runs}>
          {(page) => {
            const rows = compared(page.items);
            return rows.length === 0 ? (
              <EmptyState title="No ended run had a forecast of its cost.">
                A forecast needs earlier runs of the same pipeline whose cost is known.
              </EmptyState>
            ) : (
              <DataTable label="Forecast against actual" rows={rows} columns={FORECASTS} id={(row) => row.id} />
            );
          }}
        </Loaded>
      </Section>
    </Page>
  );
}
