import { useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { Boxes } from "lucide-react";
import { useState } from "react";

import type { Schemas } from "@/api/client";
import { PagedTable, type Column } from "@/components/data-table";
import { RowAction } from "@/components/row-action";
import { Checkbox } from "@/components/ui/checkbox";
import { Confirm } from "@/components/ui/confirm";
import { Dialog, SheetContent } from "@/components/ui/dialog";
import { EmptyState } from "@/components/ui/empty-state";
import { AgentChip, Time } from "@/components/ui/facts";
import { PageHeader } from "@/components/ui/page-header";
import { Status } from "@/components/ui/status";
import { useFresh } from "@/hooks/use-fresh";
import { bytes } from "@/lib/format";

import { useStopContainer } from "../mutations";
import { adminKeys, containersQuery } from "../queries";
import { BoxLog } from "./box-log";

const route = getRouteApi("/_shell/admin/$section");

type Box = Schemas["Container"];
const ENDED = new Set<Box["status"]>(["stopped", "crashed", "failed"]);
const MARKS: Record<NonNullable<Box["status"]>, [mark: string, word: string]> = {
  created: ["starting", "Made"],
  starting: ["starting", "Starting"],
  ready: ["running", "Ready"],
  busy: ["running", "Works"],
  idle: ["idle", "Idle"],
  stopping: ["cancelling", "Stopping"],
  stopped: ["completed", "Ended"],
  crashed: ["failed", "Crashed"],
  failed: ["failed", "Failed"],
};

export function ContainersSection() {
  const { all = false, box } = route.useSearch();
  const navigate = route.useNavigate();
  const boxes = useInfiniteQuery(containersQuery(!all));
  const stop = useStopContainer();
  const [leaving, setLeaving] = useState<Box | null>(null);
  useFresh("runs", (frame) => (frame.type.startsWith("CONTAINER_") ? [adminKeys.containers] : []), [adminKeys.containers]);
  const open = (id: number | undefined) => void navigate({ search: (old) => ({ ...old, box: id }) });
  return (
    <>
      <PageHeader
        title="Boxes"
        actions={
          <Checkbox
            label="Also those that have ended"
            checked={all}
            onCheckedChange={(checked) => void navigate({ search: (old) => ({ ...old, all: checked === true || undefined }), replace: true })}
          />
        }
      />
      <PagedTable
        query={boxes}
        what="boxes"
        label="Boxes"
        columns={COLUMNS}
        id={(row) => row.id}
        empty={<EmptyState icon={Boxes} title={all ? "There has been no box yet." : "No box is running."} />}
        actions={(row) => (
          <>
            <RowAction label={`Log of ${row.name}`} onClick={() => open(row.id)}>
              Log
            </RowAction>
            {ENDED.has(row.status) ? null : (
              <RowAction label={`Stop ${row.name}`} onClick={() => setLeaving(row)}>
                Stop
              </RowAction>
            )}
          </>
        )}
      />
      <Dialog open={box !== undefined} onOpenChange={(on) => (on ? undefined : open(undefined))}>
        <SheetContent title="Log of the box" className="sm:w-[min(64rem,100vw)]">
          {box === undefined ? null : <BoxLog key={box} containerId={box} />}
        </SheetContent>
      </Dialog>
      <Confirm
        open={leaving !== null}
        onOpenChange={() => setLeaving(null)}
        title={`Stop box ${leaving?.name ?? ""}?`}
        action="Stop box"
        onConfirm={() => stop.mutateAsync(leaving?.id ?? 0)}
      >
        Its session ends with it; the step fails, or is tried again as its pipeline says.
      </Confirm>
    </>
  );
}

const COLUMNS: Column<Box>[] = [
  { head: "Box", className: "font-mono text-code break-all sm:whitespace-nowrap", cell: (row) => row.name },
  {
    head: "Status",
    cell: (row) => {
      const [mark, word] = MARKS[row.status ?? "created"];
      return (
        <Status status={mark}>
          {word}
          {row.oom_killed ? ", out of memory" : row.exit_code ? `, exit ${row.exit_code}` : ""}
        </Status>
      );
    },
  },
  { head: "Agent", cell: (row) => <AgentChip id={row.agent_id} /> },
  {
    head: "Work",
    cell: (row) => (
      <Link to="/sessions/$sessionId" params={{ sessionId: row.session_id }} className="whitespace-nowrap text-accent hover:underline">
        {row.step_id || "session"}
      </Link>
    ),
  },
  { head: "Runner", cell: (row) => row.backend },
  { head: "Memory", numeric: true, cell: (row) => (row.stats["memory_bytes"] ? bytes(row.stats["memory_bytes"]) : "–") },
  { head: "Made", cell: (row) => <Time at={row.created_at} /> },
];
