import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import type { Schemas } from "@/api/client";
import { Loaded } from "@/components/loaded";
import { EmptyState } from "@/components/ui/empty-state";
import { Time } from "@/components/ui/facts";
import { StatusMark } from "@/components/ui/status";

import { timelineQuery } from "../queries";

type Entry = Schemas["TimelineEntry"];

const KINDS: Record<Entry["type"], [mark: string, word: string]> = {
  work_started: ["pending", "Began step"],
  work_complete: ["completed", "Completed step"],
  work_failed: ["failed", "Failed step"],
  session_started: ["pending", "Began a session"],
  session_completed: ["completed", "Ended a session"],
  session_failed: ["failed", "Failed a session"],
  inbox_message_received: ["idle", "Got a message"],
  inbox_message_sent: ["idle", "Sent a message"],
  agent_paused: ["paused", "Was paused"],
  state_change: ["idle", "Changed"],
};

const detail = (data: Entry["data"]): string =>
  ["summary", "error", "reason", "text", "message"]
    .map((name) => data[name])
    .filter((value): value is string => typeof value === "string" && value !== "")
    .join(" ");

export function TimelineTab({ agentId }: { agentId: string }) {
  const timeline = useQuery(timelineQuery(agentId));
  return (
    <Loaded query={timeline}>
      {({ items }) =>
        items.length === 0 ? (
          <EmptyState title="It has done nothing in the last 30 days." />
        ) : (
          <ol className="divide-y rounded-card border bg-surface">
            {items.map((entry) => (
              <TimelineLine key={entry.id} entry={entry} />
            ))}
          </ol>
        )
      }
    </Loaded>
  );
}

function TimelineLine({ entry }: { entry: Entry }) {
  const [mark, word] = KINDS[entry.type];
  return (
    <li className="flex items-baseline gap-3 px-4 py-2 text-sm">
      <StatusMark status={mark} className="translate-y-0.5" />
      <span className="min-w-0 flex-1">
        {entry.session_id ? (
          <Link to="/sessions/$sessionId" params={{ sessionId: entry.session_id }} className="font-medium hover:underline">
            {word}
            {entry.step_id ? ` ${entry.step_id}` : ""}
          </Link>
        ) : (
          <span className="font-medium">{word}</span>
        )}
        {detail(entry.data) ? <span className="block truncate text-xs text-muted">{detail(entry.data)}</span> : null}
      </span>
      {entry.run_id ? (
        <Link to="/runs/$runId" params={{ runId: entry.run_id }} className="text-xs text-accent hover:underline">
          Run
        </Link>
      ) : null}
      <Time at={entry.at} className="text-xs text-muted" />
    </li>
  );
}
