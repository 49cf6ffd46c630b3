import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";

import type { Schemas } from "@/api/client";
import { Loaded } from "@/components/loaded";
import { Badge, type Tone } from "@/components/ui/badge";
import { Money, Time } from "@/components/ui/facts";
import { Page, PageHeader } from "@/components/ui/page-header";
import { Row, Table, TableBody, TableHead, Td, Th } from "@/components/ui/table";
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
            <Table>
              <TableHead>
                <tr>
                  <Th>Case</Th>
                  <Th>Verdict</Th>
                  <Th>Ended</Th>
                  <Th>Outputs</Th>
                  <Th numeric>Cost</Th>
                  <Th numeric>Before</Th>
                  <Th numeric>Took</Th>
                  <Th numeric>Before</Th>
                  <Th numeric>Calls</Th>
                </tr>
              </TableHead>
              <TableBody>
                {found.cases.map((row) => (
                  <CaseRow key={row.case_id} row={row} />
                ))}
              </TableBody>
            </Table>
          </>
        )}
      </Loaded>
    </Page>
  );
}

function CaseRow({ row }: { row: Schemas["Compared"] }) {
  const took = (seconds: number | null | undefined) => (seconds ? duration(seconds) : "–");
  return (
    <Row>
      <Td>
        <Link to="/runs/$runId" params={{ runId: row.run_id }} className="font-medium hover:underline">
          {row.name}
        </Link>
        {row.error ? <span className="block text-xs text-bad">{row.error}</span> : null}
      </Td>
      <Td>
        <Badge tone={VERDICTS[row.verdict]}>{row.verdict}</Badge>
      </Td>
      <Td>
        {row.status}
        {row.verdict !== "running" && row.status !== row.expected_status ? <span className="text-muted"> (expected {row.expected_status})</span> : null}
      </Td>
      <Td>{row.missing_outputs.length > 0 ? `missing: ${row.missing_outputs.join(", ")}` : row.same_outputs ? "the same" : "others"}</Td>
      <Td numeric>
        <Money amount={row.cost_total} />
      </Td>
      <Td numeric className="text-muted">
        <Money amount={row.cost_before} />
      </Td>
      <Td numeric>{took(row.duration_s)}</Td>
      <Td numeric className="text-muted">{took(row.duration_before_s)}</Td>
      <Td numeric>
        {row.calls} / {row.calls_before}
      </Td>
    </Row>
  );
}
