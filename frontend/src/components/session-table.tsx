import { Link } from "@tanstack/react-router";

import type { Session } from "@/api/sessions";

import { DataTable, type Column } from "./data-table";
import { AgentChip, Elapsed, Time } from "./ui/facts";
import { Status } from "./ui/status";

/** `stopped` is how a person ended it. */
export const sessionMark = (status: string): string => (status === "stopped" ? "cancelled" : status);

const COLUMNS: Column<Session>[] = [
  {
    head: "Status",
    cell: (session) => (
      <Link to="/sessions/$sessionId" params={{ sessionId: session.id }} className="text-accent hover:underline">
        <Status status={sessionMark(session.status)} />
        <span className="sr-only">, open session of {session.agent_id}</span>
      </Link>
    ),
  },
  { head: "Agent", cell: (session) => <AgentChip id={session.agent_id} /> },
  {
    head: "Work",
    className: "whitespace-nowrap",
    cell: (session) => `${session.source}${session.step_id ? ` · ${session.step_id}` : ""}`,
  },
  { head: "Model", className: "font-mono text-code sm:whitespace-nowrap", cell: (session) => session.model || "–" },
  { head: "Turns", numeric: true, cell: (session) => session.turn_count },
  { head: "Started", cell: (session) => <Time at={session.started_at ?? session.created_at} /> },
  { head: "Took", numeric: true, cell: (session) => <Elapsed from={session.started_at} to={session.finished_at} /> },
];

export function SessionTable({ rows }: { rows: Session[] }) {
  return <DataTable label="Sessions" rows={rows} columns={COLUMNS} id={(session) => session.id} />;
}
