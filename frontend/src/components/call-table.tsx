import { useInfiniteQuery } from "@tanstack/react-query";

import { rowsOf } from "@/api/paging";
import { callsQuery, type CallsAsk } from "@/api/usage";
import { count, exact, took } from "@/lib/format";

import { Loaded } from "./loaded";
import { More } from "./more";
import { EmptyState } from "./ui/empty-state";
import { Money } from "./ui/facts";
import { Status } from "./ui/status";
import { Row, Table, TableBody, TableHead, Td, Th } from "./ui/table";

/** The model calls of a run or session, newest first. */
export function CallTable({ ask }: { ask: CallsAsk }) {
  const calls = useInfiniteQuery(callsQuery(ask, 200));
  return (
    <Loaded query={calls}>
      {(data) => {
        const rows = rowsOf(data);
        if (rows.length === 0) return <EmptyState title="No model was called yet." />;
        return (
          <>
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
            <More query={calls} what="calls" />
          </>
        );
      }}
    </Loaded>
  );
}
