import { useQuery } from "@tanstack/react-query";

import type { Schemas } from "@/api/client";
import { egressQuery } from "@/api/sessions";
import { bytes, count } from "@/lib/format";

import { Loaded } from "./loaded";
import { Badge } from "./ui/badge";
import { EmptyState } from "./ui/empty-state";
import { Time } from "./ui/facts";
import { Row, Table, TableBody, TableHead, Td, Th } from "./ui/table";

const VERDICTS: Record<Schemas["EgressRecord"]["verdict"], string> = {
  allowed: "Allowed",
  no_network: "Refused: no network",
  not_listed: "Refused: not on the list",
  private_address: "Refused: private address",
  too_many: "Refused: too many hosts",
};

/** Which hosts a session reached or tried to. */
export function SessionEgress({ sessionId }: { sessionId: string }) {
  const egress = useQuery(egressQuery(sessionId));
  return (
    <Loaded query={egress}>
      {(rows) =>
        rows.length === 0 ? <EmptyState title="It asked for no host." /> : (
          <Table>
            <TableHead>
              <tr><Th>Host</Th><Th>Verdict</Th><Th numeric>Times</Th><Th numeric>Sent</Th><Th numeric>Received</Th><Th>Last</Th></tr>
            </TableHead>
            <TableBody>
              {rows.map((row) => (
                <Row key={`${row.host}:${row.port}-${row.verdict}`}>
                  <Td className="font-mono text-code break-all">{row.host}:{row.port}</Td>
                  <Td><Badge tone={row.verdict === "allowed" ? "ok" : "bad"}>{VERDICTS[row.verdict]}</Badge></Td>
                  <Td numeric>{count(row.count)}</Td>
                  <Td numeric>{bytes(row.bytes_sent ?? 0)}</Td>
                  <Td numeric>{bytes(row.bytes_received ?? 0)}</Td>
                  <Td><Time at={row.last_at} /></Td>
                </Row>
              ))}
            </TableBody>
          </Table>
        )
      }
    </Loaded>
  );
}
