import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import type { Schemas } from "@/api/client";
import { Loaded } from "@/components/loaded";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Confirm } from "@/components/ui/confirm";
import { Time } from "@/components/ui/facts";
import { PageHeader } from "@/components/ui/page-header";
import { Row, Table, TableBody, TableHead, Td, Th } from "@/components/ui/table";

import { deviceOf } from "../device";
import { browserSessionsQuery, useEndSession } from "../queries";

type BrowserSession = Schemas["BrowserSession"];

export function SessionsSection() {
  const sessions = useQuery(browserSessionsQuery());
  const end = useEndSession();
  const [leaving, setLeaving] = useState<BrowserSession | null>(null);
  return (
    <>
      <PageHeader title="Sessions">Where you are signed in. Ending one signs that device out within seconds.</PageHeader>
      <Loaded query={sessions}>
        {(rows) => (
          <Table>
            <TableHead>
              <tr>
                <Th>Device</Th>
                <Th>Address</Th>
                <Th>Signed in</Th>
                <Th>Last seen</Th>
                <Th>
                  <span className="sr-only">Actions</span>
                </Th>
              </tr>
            </TableHead>
            <TableBody>
              {rows.map((row) => (
                <Row key={row.id}>
                  <Td title={row.user_agent}>
                    {deviceOf(row.user_agent)}
                    {row.is_current ? <Badge tone="accent" className="ml-2">this one</Badge> : null}
                  </Td>
                  <Td className="font-mono text-code">{row.ip}</Td>
                  <Td>
                    <Time at={row.created_at} />
                  </Td>
                  <Td>
                    <Time at={row.last_seen_at} />
                  </Td>
                  <Td className="text-right">
                    {row.is_current ? null : (
                      <Button size="sm" look="quiet" onClick={() => setLeaving(row)} aria-label={`End session on ${deviceOf(row.user_agent)}`}>
                        End session
                      </Button>
                    )}
                  </Td>
                </Row>
              ))}
            </TableBody>
          </Table>
        )}
      </Loaded>
      <Confirm
        open={leaving !== null}
        onOpenChange={() => setLeaving(null)}
        title="End this session?"
        action="End session"
        onConfirm={() => end.mutateAsync(leaving?.id ?? 0)}
      >
        {leaving ? deviceOf(leaving.user_agent) : ""} is signed out, and its live streams are cut.
      </Confirm>
    </>
  );
}
