import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import { Loaded } from "@/components/loaded";
import { Badge, type Tone } from "@/components/ui/badge";
import { EmptyState } from "@/components/ui/empty-state";
import { Money } from "@/components/ui/facts";
import { Page, PageHeader, Section } from "@/components/ui/page-header";
import { Row, Table, TableBody, TableHead, Td, Th } from "@/components/ui/table";
import { UsageNav } from "@/components/usage/usage-nav";
import { count } from "@/lib/format";

import { compared, type Verdict } from "../forecasts";
import { acceptedCostQuery, endedRunsQuery } from "../queries";

const VERDICTS: Record<Verdict, [word: string, tone: Tone]> = {
  below: ["below", "ok"],
  within: ["as foretold", "quiet"],
  above: ["above", "warn"],
};

export function CostsPage() {
  const costs = useQuery(acceptedCostQuery());
  const runs = useQuery(endedRunsQuery());
  return (
    <Page>
      <PageHeader title="Forecast and cost" />
      <UsageNav />
      <Section title="Cost per completed run">
        <Loaded query={costs}>
          {(rows) =>
            rows.length === 0 ? (
              <EmptyState title="No run has ended yet." />
            ) : (
              <Table>
                <TableHead>
                  <tr>
                    <Th>Pipeline</Th>
                    <Th numeric>Runs that ended</Th>
                    <Th numeric>Completed</Th>
                    <Th numeric>Cost in all</Th>
                    <Th numeric>Cost per completed run</Th>
                  </tr>
                </TableHead>
                <TableBody>
                  {rows.map((row) => (
                    <Row key={row.pipeline_id}>
                      <Td className="font-medium">{row.pipeline_id}</Td>
                      <Td numeric>{count(row.runs)}</Td>
                      <Td numeric>{count(row.accepted)}</Td>
                      <Td numeric>
                        <Money amount={row.cost_total} />
                      </Td>
                      <Td numeric>{row.cost_per_accepted === null ? "–" : <Money amount={row.cost_per_accepted} />}</Td>
                    </Row>
                  ))}
                </TableBody>
              </Table>
            )
          }
        </Loaded>
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
              <Table>
                <TableHead>
                  <tr>
                    <Th>Run</Th>
                    <Th>Pipeline</Th>
                    <Th numeric>Foretold</Th>
                    <Th numeric>Cost</Th>
                    <Th>Verdict</Th>
                  </tr>
                </TableHead>
                <TableBody>
                  {rows.map((row) => (
                    <Row key={row.id}>
                      <Td className="max-w-96 truncate">
                        <Link to="/runs/$runId" params={{ runId: row.id }} className="text-accent hover:underline">
                          {row.task.split("\n")[0]}
                        </Link>
                      </Td>
                      <Td>{row.pipeline}</Td>
                      <Td numeric>
                        <Money amount={row.low} /> – <Money amount={row.high} />
                      </Td>
                      <Td numeric>
                        <Money amount={row.actual} />
                      </Td>
                      <Td>
                        <Badge tone={VERDICTS[row.verdict][1]}>{VERDICTS[row.verdict][0]}</Badge>
                      </Td>
                    </Row>
                  ))}
                </TableBody>
              </Table>
            );
          }}
        </Loaded>
      </Section>
    </Page>
  );
}
