import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";

import type { Schemas } from "@/api/client";
import { refusal, useMe } from "@/api/me";
import { Loaded } from "@/components/loaded";
import { Button } from "@/components/ui/button";
import { Confirm } from "@/components/ui/confirm";
import { EmptyState } from "@/components/ui/empty-state";
import { Time } from "@/components/ui/facts";
import { Status } from "@/components/ui/status";
import { Row, Table, TableBody, TableHead, Td, Th } from "@/components/ui/table";

import { useCancelQueued } from "../mutations";
import { queueQuery } from "../queries";

export function QueueTab({ agentId }: { agentId: string }) {
  const me = useMe();
  const queue = useQuery(queueQuery(agentId));
  const cancel = useCancelQueued(agentId);
  const [leaving, setLeaving] = useState<Schemas["QueueItem"] | null>(null);
  return (
    <>
      <Loaded query={queue}>
        {(rows) =>
          rows.length === 0 ? (
            <EmptyState title="No step waits for this agent." />
          ) : (
            <Table>
              <TableHead>
                <tr>
                  <Th>Status</Th>
                  <Th>Step</Th>
                  <Th>Run</Th>
                  <Th>Queued</Th>
                  <Th>
                    <span className="sr-only">Actions</span>
                  </Th>
                </tr>
              </TableHead>
              <TableBody>
                {rows.map((row) => (
                  <Row key={row.id}>
                    <Td>
                      <Status status={row.status} />
                    </Td>
                    <Td className="font-medium">
                      {row.step_id}
                      {row.visit > 1 ? ` ×${row.visit}` : ""}
                    </Td>
                    <Td>
                      <Link to="/runs/$runId" params={{ runId: row.run_id }} className="font-mono text-code text-accent hover:underline">
                        {row.run_id}
                      </Link>
                    </Td>
                    <Td>
                      <Time at={row.queued_at} />
                    </Td>
                    <Td className="text-right">
                      <Button
                        size="sm"
                        look="quiet"
                        refusal={row.status === "queued" ? refusal(me, "member") : "It has begun: stop its run instead."}
                        onClick={() => setLeaving(row)}
                      >
                        Cancel step
                      </Button>
                    </Td>
                  </Row>
                ))}
              </TableBody>
            </Table>
          )
        }
      </Loaded>
      <Confirm
        open={leaving !== null}
        onOpenChange={() => setLeaving(null)}
        title={`Cancel step ${leaving?.step_id ?? ""}?`}
        action="Cancel step"
        onConfirm={() => cancel.mutateAsync(leaving?.id ?? 0)}
      >
        Its run cannot go on without it, and ends as cancelled.
      </Confirm>
    </>
  );
}
