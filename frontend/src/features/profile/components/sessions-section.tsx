import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import type { Schemas } from "@/api/client";
import { ListTable, type Column } from "@/components/data-table";
import { RowAction } from "@/components/row-action";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Confirm } from "@/components/ui/confirm";
import { EmptyState } from "@/components/ui/empty-state";
import { Time } from "@/components/ui/facts";
import { PageHeader } from "@/components/ui/page-header";

import { deviceOf } from "../device";
import { browserSessionsQuery, useEndSession } from "../queries";

type BrowserSession = Schemas["BrowserSession"];

export function SessionsSection() {
  const sessions = useQuery(browserSessionsQuery());
  const end = useEndSession();
  const [leaving, setLeaving] = useState<BrowserSession | "others" | null>(null);
  return (
    <>
      <PageHeader
        title="Sessions"
        actions={
          <Button refusal={(sessions.data?.length ?? 0) > 1 ? null : "There is no other."} onClick={() => setLeaving("others")}>
            End all others
          </Button>
        }
      >
        Where you are signed in. Ending one signs that device out within seconds.
      </PageHeader>
      <ListTable
        query={sessions}
        label="Sessions"
        columns={COLUMNS}
        id={(row) => row.id}
        empty={<EmptyState title="You are signed in nowhere." />}
        actions={(row) =>
          row.is_current ? null : (
            <RowAction label={`End session on ${deviceOf(row.user_agent)}`} onClick={() => setLeaving(row)}>
              End session
            </RowAction>
          )
        }
      />
      <Confirm
        open={leaving !== null}
        onOpenChange={() => setLeaving(null)}
        title={leaving === "others" ? "End all other sessions?" : "End this session?"}
        action={leaving === "others" ? "End sessions" : "End session"}
        onConfirm={() => end.mutateAsync(leaving === "others" ? null : (leaving?.id ?? 0))}
      >
        {leaving === "others" ? "Every other device" : leaving ? deviceOf(leaving.user_agent) : ""} is signed out, and its live streams are cut.
      </Confirm>
    </>
  );
}

const COLUMNS: Column<BrowserSession>[] = [
  {
    head: "Device",
    title: (row) => row.user_agent,
    cell: (row) => (
      <>
        {deviceOf(row.user_agent)}
        {row.is_current ? <Badge tone="accent" className="ml-2">this one</Badge> : null}
      </>
    ),
  },
  { head: "Address", className: "font-mono text-code", cell: (row) => row.ip },
  { head: "Signed in", cell: (row) => <Time at={row.created_at} /> },
  { head: "Last seen", cell: (row) => <Time at={row.last_seen_at} /> },
];
