import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";

import type { Schemas } from "@/api/client";
import { refusal, useMe } from "@/api/me";
import { ListTable, type Column } from "@/components/data-table";
import { RowAction } from "@/components/row-action";
import { Confirm } from "@/components/ui/confirm";
import { EmptyState } from "@/components/ui/empty-state";
import { Time } from "@/components/ui/facts";
import { Status } from "@/components/ui/status";

import { useCancelQueued } from "../mutations";
import { queueQuery } from "../queries";

export function QueueTab({ agentId }: { agentId: string }) {
  const me = useMe();
  const queue = useQuery(queueQuery(agentId));
  const cancel = useCancelQueued(agentId);
  const [leaving, setLeaving] = useState<Schemas["QueueItem"] | null>(null);
  return (
    <>
      <ListTable
        query={queue}
        label="Queue"
        columns={COLUMNS}
        id={(row) => row.id}
        empty={<EmptyState title="No step waits for this agent." />}
        actions={(row) => (
          <RowAction
            label={`Cancel step ${row.step_id}`}
            refusal={row.status === "queued" ? refusal(me, "member") : "It has begun: stop its run instead."}
            onClick={() => setLeaving(row)}
          >
            Cancel step
          </RowAction>
        )}
      />
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

const COLUMNS: Column<Schemas["QueueItem"]>[] = [
  {
    head: "Step",
    className: "font-medium",
    cell: (row) => `${row.step_id}${row.visit > 1 ? ` ×${row.visit}` : ""}`,
  },
  { head: "Status", cell: (row) => <Status status={row.status} /> },
  {
    head: "Run",
    cell: (row) => (
      <Link to="/runs/$runId" params={{ runId: row.run_id }} className="font-mono text-code break-all text-accent hover:underline">
        {row.run_id}
      </Link>
    ),
  },
  { head: "Queued", cell: (row) => <Time at={row.queued_at} /> },
];
