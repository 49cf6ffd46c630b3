import { useQuery } from "@tanstack/react-query";

import type { Schemas } from "@/api/client";
import { statusQuery } from "@/api/system";
import { DataTable, type Column } from "@/components/data-table";
import { Loaded } from "@/components/loaded";
import { Button } from "@/components/ui/button";
import { Facts } from "@/components/ui/facts";
import { Card, PageHeader, Section } from "@/components/ui/page-header";
import { Progress } from "@/components/ui/progress";
import { Status, StatusBadge } from "@/components/ui/status";
import { bytes, duration } from "@/lib/format";

const QUEUES: Column<[string, number | null]>[] = [
  { head: "Queue", className: "font-mono text-code", cell: ([queue]) => queue },
  { head: "Messages that wait for a worker", numeric: true, cell: ([, waiting]) => waiting ?? "unknown" },
];

const NAMES: Record<string, string> = { database: "Database", migrations: "Tables", redis: "Redis", disk: "Free space" };

const ROOM: Record<string, string> = { ok: "Enough room", low: "Getting full", critical: "Full: new runs wait", away: "Cannot be read" };

/** What only shared storage has to tell, and why the data directory is away. */
function shared(room: Schemas["Room"]): [string, string][] {
  const facts: [string, string][] = [];
  if (room.reason) facts.push(["Reason", room.reason]);
  if (room.juicefs_mounted) facts.push(["Volume", room.juicefs_volume ?? "–"]);
  if (room.mount_age_s != null) facts.push(["Mounted for", duration(room.mount_age_s)]);
  if (room.object_store_healthy !== undefined) {
    facts.push(["Object store", room.object_store_healthy ? "Answers" : "Does not answer"]);
  }
  return facts;
}

export function HealthSection() {
  const status = useQuery(statusQuery());
  return (
    <>
      <PageHeader
        title="Health"
        mark={status.data ? <StatusBadge status={status.data.status === "ok" ? "ok" : "error"}>{status.data.status === "ok" ? "All is well" : "Degraded"}</StatusBadge> : null}
        actions={<Button onClick={() => void status.refetch()} busy={status.isFetching}>Look again</Button>}
      >
        {status.data ? `Version ${status.data.version}` : null}
      </PageHeader>
      <Loaded query={status}>
        {(found) => (
          <>
            <Section title="What it stands on">
              <Card>
                <Facts
                  items={Object.entries(found.checks).map(([name, state]) => [
                    NAMES[name] ?? name,
                    <Status key={name} status={state === "ok" ? "ok" : "error"} className="whitespace-normal">{state === "ok" ? "OK" : state}</Status>,
                  ])}
                />
              </Card>
            </Section>
            <Section title="Queues">
              <DataTable label="Queues" rows={Object.entries(found.queues)} columns={QUEUES} id={([queue]) => queue} />
            </Section>
            <Section title="Disk">
              <Card className="grid gap-3">
                <Facts
                  items={[
                    ["State", <Status key="state" status={found.storage.state === "ok" ? "ok" : "error"}>{ROOM[found.storage.state]}</Status>],
                    ["Free", found.storage.free_bytes === undefined ? "–" : `${bytes(found.storage.free_bytes)} of ${bytes(found.storage.total_bytes ?? 0)}`],
                    ["File system", found.storage.filesystem ?? "–"],
                    ...shared(found.storage),
                  ]}
                />
                {found.storage.free_bytes !== undefined && found.storage.total_bytes ? (
                  <Progress
                    value={found.storage.total_bytes - found.storage.free_bytes}
                    of={found.storage.total_bytes}
                    label="Disk that is used"
                    tone={found.storage.state === "ok" ? "ok" : "bad"}
                  />
                ) : null}
              </Card>
            </Section>
          </>
        )}
      </Loaded>
    </>
  );
}
