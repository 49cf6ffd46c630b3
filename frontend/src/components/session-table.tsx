import { Link } from "@tanstack/react-router";

import type { Session } from "@/api/sessions";

import { AgentChip, Elapsed, Time } from "./ui/facts";
import { Status } from "./ui/status";
import { Row, Table, TableBody, TableHead, Td, Th } from "./ui/table";

/** `stopped` is how a person ended it. */
export const sessionMark = (status: string): string => (status === "stopped" ? "cancelled" : status);

export function SessionTable({ rows }: { rows: Session[] }) {
  return (
    <Table>
      <TableHead>
        <tr>
          <Th>Status</Th>
          <Th>Agent</Th>
          <Th>Work</Th>
          <Th>Model</Th>
          <Th numeric>Turns</Th>
          <Th>Started</Th>
          <Th numeric>Took</Th>
        </tr>
      </TableHead>
      <TableBody>
        {rows.map((session) => (
          <Row key={session.id}>
            <Td>
              <Link to="/sessions/$sessionId" params={{ sessionId: session.id }} className="text-accent hover:underline">
                <Status status={sessionMark(session.status)} />
                <span className="sr-only">, open session of {session.agent_id}</span>
              </Link>
            </Td>
            <Td>
              <AgentChip id={session.agent_id} />
            </Td>
            <Td className="whitespace-nowrap">
              {session.source}
              {session.step_id ? ` · ${session.step_id}` : ""}
            </Td>
            <Td className="font-mono text-code whitespace-nowrap">{session.model || "–"}</Td>
            <Td numeric>{session.turn_count}</Td>
            <Td>
              <Time at={session.started_at ?? session.created_at} />
            </Td>
            <Td numeric>
              <Elapsed from={session.started_at} to={session.finished_at} />
            </Td>
          </Row>
        ))}
      </TableBody>
    </Table>
  );
}
