import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import { Time } from "@/components/ui/facts";
import { StatusMark } from "@/components/ui/status";

import { newestSessionsQuery } from "../queries";

/** What agents did before this page was opened. */
export function LatelyWorked() {
  const { data } = useQuery(newestSessionsQuery());
  if (!data || data.items.length === 0) return <p>Nothing has happened since you opened this page.</p>;
  return (
    <ul className="grid gap-1" aria-label="What agents did lately">
      {data.items.map((session) => (
        <li key={session.id} className="flex items-center gap-2">
          <StatusMark status={session.status === "stopped" ? "cancelled" : session.status} word className="size-3.5" />
          <Link to="/sessions/$sessionId" params={{ sessionId: session.id }} className="min-w-0 flex-1 truncate py-0.5 hover:underline">
            <span className="text-text">{session.agent_id}</span> {session.step_id || session.source}
          </Link>
          <Time at={session.finished_at ?? session.started_at ?? session.created_at} className="text-xs" />
        </li>
      ))}
    </ul>
  );
}
