import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";

import type { Schemas } from "@/api/client";
import { DataTable, type Column } from "@/components/data-table";
import { Loaded } from "@/components/loaded";
import { Status } from "@/components/ui/status";
import { Badge, type Tone } from "@/components/ui/badge";
import { Money, Time } from "@/components/ui/facts";
import { Page, PageHeader } from "@/components/ui/page-header";
import { useFresh } from "@/hooks/use-fresh";
import { duration } from "@/lib/format";

import { evalKeys, evaluationQuery } from "../queries";
import { Outcome, withWhat } from "./evals-page";

const route = getRouteApi("/_shell/evals/$evaluationId");

const VERDICTS: Record<Schemas["CaseVerdictEnum"], Tone> = { pass: "ok", fail: "bad", running: "run" };

export function EvaluationPage() {
  const { evaluationId } = route.useParams();
  const evaluation = useQuery(evaluationQuery(evaluationId));
  useFresh("runs", (frame) => (frame.type.startsWith("RUN_") ? [evalKeys.one(evaluationId)] : []), [evalKeys.one(evaluationId)]);
  return (
    <Page>
      <Loaded query={evaluation}>
        {(found) => (
          <>
            <PageHeader title="Evaluation" mark={<Outcome evaluation={found} />}>
              {found.mode}, {withWhat(found)}, started <Time at={found.created_at} />
            </PageHeader>
            <DataTable label="Cases" rows={found.cases} columns={COLUMNS} id={(row) => row.case_id} />
          </>
        )}
      </Loaded>
    </Page>
  );
}

const took = (seconds: number | null | undefined): string => (seconds ? duration(seconds) : "–");

const COLUMNS: Column<Schemas["Compared"]>[] = [
  {
    head: "Case",
    order: (row) => row.name,
    cell: (row) => (
      <>
        <Link to="/runs/$runId" params={{ runId: row.run_id }} className="font-medium hover:underline">
          {row.name}
        </Link>
        {row.error ? <span className="block text-xs text-bad">{row.error}</span> : null}
      </>
    ),
  },
  { head: "Verdict", order: (row) => row.verdict, cell: (row) => <Badge tone={VERDICTS[row.verdict]}>{row.verdict}</Badge> },
  {
    head: "Ended",
    cell: (row) => (
      <>
        <Status status={row.status} />
        {row.verdict !== "running" && row.status !== row.expected_status ? (
          <span className="text-muted"> (expected {row.expected_status})</span>
        ) : null}
      </>
    ),
  },
  {
    head: "Outputs",
    cell: (row) =>
      row.missing_outputs.length > 0 ? `missing: ${row.missing_outputs.join(", ")}` : row.same_outputs ? "the same" : "others",
  },
  { head: "Cost", numeric: true, order: (row) => row.cost_total ?? 0, cell: (row) => <Money amount={row.cost_total} /> },
  { head: "Cost before", numeric: true, className: "text-muted", cell: (row) => <Money amount={row.cost_before} /> },
  { head: "Took", numeric: true, order: (row) => row.duration_s ?? 0, cell: (row) => took(row.duration_s) },
  { head: "Took before", numeric: true, className: "text-muted", cell: (row) => took(row.duration_before_s) },
  { head: "Calls", numeric: true, cell: (row) => `${row.calls} / ${row.calls_before}` },
];
