import { useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { Boxes } from "lucide-react";
import { useState } from "react";

import type { Schemas } from "@/api/client";
import { rowsOf } from "@/api/paging";
import { Loaded } from "@/components/loaded";
import { More } from "@/components/more";
import { Button } from "@/components/ui/button";
import { Checkbox } from "@/components/ui/checkbox";
import { Confirm } from "@/components/ui/confirm";
import { Dialog, SheetContent } from "@/components/ui/dialog";
import { EmptyState } from "@/components/ui/empty-state";
import { AgentChip, Time } from "@/components/ui/facts";
import { PageHeader } from "@/components/ui/page-header";
import { Status } from "@/components/ui/status";
import { Row, Table, TableBody, TableHead, Td, Th } from "@/components/ui/table";
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
      <Loaded query={boxes}>
        {(data) => {
          const rows = rowsOf(data);
          return rows.length === 0 ? (
            <EmptyState icon={Boxes} title={all ? "There has been no box yet." : "No box is running."} />
          ) : (
            <>
              <BoxTable rows={rows} onLog={(row) => open(row.id)} onStop={setLeaving} />
              <More query={boxes} what="boxes" />
            </>
          );
        }}
      </Loaded>
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

interface BoxTableProps {
  rows: Box[];
  onLog: (box: Box) => void;
  onStop: (box: Box) => void;
}

function BoxTable({ rows, onLog, onStop }: BoxTableProps) {
  return (
    <Table>
      <TableHead>
        <tr>
          <Th>Box</Th>
          <Th>Status</Th>
          <Th>Agent</Th>
          <Th>Work</Th>
          <Th>Runner</Th>
          <Th numeric>Memory</Th>
          <Th>Made</Th>
          <Th>
            <span className="sr-only">Actions</span>
          </Th>
        </tr>
      </TableHead>
      <TableBody>
        {rows.map((row) => {
          const [mark, word] = MARKS[row.status ?? "created"];
          return (
            <Row key={row.id}>
              <Td className="font-mono text-code whitespace-nowrap">{row.name}</Td>
              <Td>
                <Status status={mark}>
                  {word}
                  {row.oom_killed ? ", out of memory" : row.exit_code ? `, exit ${row.exit_code}` : ""}
                </Status>
              </Td>
              <Td>
                <AgentChip id={row.agent_id} />
              </Td>
              <Td>
                <Link to="/sessions/$sessionId" params={{ sessionId: row.session_id }} className="whitespace-nowrap text-accent hover:underline">
                  {row.step_id || "session"}
                </Link>
              </Td>
              <Td>{row.backend}</Td>
              <Td numeric>{row.stats["memory_bytes"] ? bytes(row.stats["memory_bytes"]) : "–"}</Td>
              <Td>
                <Time at={row.created_at} />
              </Td>
              <Td className="text-right whitespace-nowrap">
                <Button size="sm" look="quiet" onClick={() => onLog(row)} aria-label={`Log of ${row.name}`}>
                  Log
                </Button>
                {ENDED.has(row.status) ? null : (
                  <Button size="sm" look="quiet" onClick={() => onStop(row)} aria-label={`Stop ${row.name}`}>
                    Stop
                  </Button>
                )}
              </Td>
            </Row>
          );
        })}
      </TableBody>
    </Table>
  );
}
