import { useInfiniteQuery } from "@tanstack/react-query";

import { rowsOf } from "@/api/paging";
import { sessionsQuery } from "@/api/sessions";
import { Loaded } from "@/components/loaded";
import { More } from "@/components/more";
import { SessionTable } from "@/components/session-table";
import { EmptyState } from "@/components/ui/empty-state";

/** Each session says what the agent was told, and how long each part of it was. */
export function SessionsTab({ agentId }: { agentId: string }) {
  const sessions = useInfiniteQuery(sessionsQuery({ agent_id: agentId }));
  return (
    <Loaded query={sessions}>
      {(data) => {
        const rows = rowsOf(data);
        return rows.length === 0 ? (
          <EmptyState title="It has had no session yet." />
        ) : (
          <>
            <SessionTable rows={rows} />
            <More query={sessions} what="sessions" />
          </>
        );
      }}
    </Loaded>
  );
}
