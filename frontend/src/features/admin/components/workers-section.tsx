import { useQuery } from "@tanstack/react-query";
import { Cog } from "lucide-react";

import type { Schemas } from "@/api/client";
import { DataTable, type Column } from "@/components/data-table";
import { Loaded } from "@/components/loaded";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { EmptyState } from "@/components/ui/empty-state";
import { Time } from "@/components/ui/facts";
import { PageHeader, Section } from "@/components/ui/page-header";
import { Status } from "@/components/ui/status";
import { count, duration } from "@/lib/format";

import { workersQuery } from "../queries";

type Worker = Schemas["Worker"];
type Queue = Schemas["Queue"];
type Scheduled = Schemas["Scheduled"];

export function WorkersSection() {
  const standing = useQuery(workersQuery());
  return (
    <>
      <PageHeader
        title="Workers"
        actions={
          <Button onClick={() => void standing.refetch()} busy={standing.isFetching}>
            Look again
          </Button>
        }
      >
        Who takes work off the queues, as they answered just now, and what is sent when.
      </PageHeader>
      <Loaded query={standing}>
        {({ workers, queues, schedule }) => (
          <>
            <Section title="Workers">
              {workers.length === 0 ? (
                <EmptyState icon={Cog} title="No worker answers: nothing is worked on." className="py-8" />
              ) : (
                <DataTable label="Workers" rows={workers} columns={WORKERS} id={(worker) => worker.name} />
              )}
            </Section>
            <Section title="Queues">
              <DataTable label="Queues" rows={queues} columns={QUEUES} id={(queue) => queue.name} />
            </Section>
            <Section title="Schedule">
              <DataTable label="Schedule" rows={schedule} columns={SCHEDULE} id={(row) => row.name} />
            </Section>
          </>
        )}
      </Loaded>
    </>
  );
}

const WORKERS: Column<Worker>[] = [
  { head: "Worker", className: "font-mono text-code break-all", order: (worker) => worker.name, cell: (worker) => worker.name },
  { head: "Queues", cell: (worker) => worker.queues.join(", ") },
  {
    head: "Works on",
    cell: (worker) => (
      <Status status={worker.active > 0 ? "running" : "idle"}>
        {worker.active} of {worker.slots}
      </Status>
    ),
  },
  { head: "Done", numeric: true, order: (worker) => worker.done, cell: (worker) => count(worker.done) },
  { head: "Up for", numeric: true, order: (worker) => worker.uptime_s, cell: (worker) => duration(worker.uptime_s) },
];

const QUEUES: Column<Queue>[] = [
  { head: "Queue", className: "font-mono text-code", cell: (queue) => queue.name },
  {
    head: "Served by",
    cell: (queue) =>
      queue.workers > 0 ? `${queue.workers} ${queue.workers === 1 ? "worker" : "workers"}` : <Badge tone={queue.waiting ? "bad" : "quiet"}>nobody</Badge>,
  },
  { head: "Waiting", numeric: true, order: (queue) => queue.waiting ?? 0, cell: (queue) => queue.waiting ?? "unknown" },
];

const SCHEDULE: Column<Scheduled>[] = [
  {
    head: "Task",
    className: "font-mono text-code break-all",
    order: (row) => row.name,
    cell: (row) => (
      <>
        {row.name}
        {row.enabled ? null : <Badge className="ml-2">off</Badge>}
      </>
    ),
  },
  { head: "Every", numeric: true, order: (row) => row.every_s, cell: (row) => duration(row.every_s) },
  { head: "Last sent", order: (row) => row.last_run_at ?? "", cell: (row) => <Time at={row.last_run_at} /> },
  { head: "Times", numeric: true, order: (row) => row.runs, cell: (row) => count(row.runs) },
];
