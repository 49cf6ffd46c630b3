import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";

import type { Session } from "@/api/sessions";

import { DataTable, type Column } from "./data-table";
import { AgentChip, Elapsed, Time } from "./ui/facts";
import { Status } from "./ui/status";

/** `stopped` is how a person ended it. */
export const sessionMark = (status: string): string => (status === "stopped" ? "cancelled" : status);

const WORDS: Record<Session["source"], string> = {
  pipeline: "Step",
  chat: "Chat",
  pulse: "Pulse",
  wake: "Wake",
  executor: "Executor",
  api: "API",
};

const COLUMNS: Column<Session>[] = [
  {
    head: "Work",
    className: "sm:whitespace-nowrap",
    cell: (session) => (
      <Link to="/sessions/$sessionId" params={{ sessionId: session.id }} className="font-medium hover:underline">
        {WORDS[session.source]}
        {session.step_id ? ` ${session.step_id}` : ""}
        <span className="sr-only">, session of {session.agent_id}</span>
      </Link>
    ),
  },
  { head: "Status", cell: (session) => <Status status={sessionMark(session.status)} /> },
  { head: "Agent", cell: (session) => <AgentChip id={session.agent_id} /> },
  { head: "Model", className: "font-mono text-code sm:whitespace-nowrap", cell: (session) => session.model || "–" },
  { head: "Turns", numeric: true, cell: (session) => session.turn_count },
  { head: "Started", cell: (session) => <Time at={session.started_at ?? session.created_at} /> },
  { head: "Took", numeric: true, cell: (session) => <Elapsed from={session.started_at} to={session.finished_at} /> },
];

interface SessionTableProps {
  rows: Session[];
  /** Buttons at the end of a row. */
  actions?: (session: Session) => ReactNode;
}

export function SessionTable({ rows, actions }: SessionTableProps) {
  return <DataTable label="Sessions" rows={rows} columns={COLUMNS} id={(session) => session.id} {...(actions ? { actions } : {})} />;
}
