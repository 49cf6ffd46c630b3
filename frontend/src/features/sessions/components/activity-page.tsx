import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { Activity, Search } from "lucide-react";
import { useState } from "react";

import { agentsQuery } from "@/api/agents";
import { rowsOf, said } from "@/api/paging";
import { sessionKeys, sessionsQuery, type Session } from "@/api/sessions";
import { LiveFeed } from "@/components/activity/live-feed";
import { Loaded } from "@/components/loaded";
import { More } from "@/components/more";
import { Pick } from "@/components/pick";
import { SessionTable } from "@/components/session-table";
import { Button } from "@/components/ui/button";
import { EmptyState } from "@/components/ui/empty-state";
import { Card, Page, PageHeader, Section } from "@/components/ui/page-header";
import { useFresh } from "@/hooks/use-fresh";

import { repeats } from "../repeats";
import { SOURCES, STATUSES } from "../search";

const route = getRouteApi("/_shell/activity");

export function ActivityPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const sessions = useInfiniteQuery({ ...sessionsQuery(search), placeholderData: keepPreviousData });
  const agents = useQuery(agentsQuery());
  useFresh("runs", (frame) => (frame.type.startsWith("STEP_") ? [sessionKeys.all] : []), [sessionKeys.all]);
  const set = (change: Partial<typeof search>) =>
    void navigate({ search: (old) => ({ ...old, ...change }), replace: true });
  const isFiltered = Object.keys(said(search)).length > 0;
  return (
    <Page>
      <PageHeader
        title="Activity"
        actions={
          <>
            <Pick
              label="Agent"
              value={search.agent_id ?? ""}
              options={{ "": "Every agent", ...Object.fromEntries((agents.data ?? []).map((agent) => [agent.id, agent.name])) }}
              onChange={(agent) => set({ agent_id: agent || undefined })}
            />
            <Pick
              label="Kind"
              value={search.source ?? "all"}
              options={{ all: "Every kind", ...SOURCES }}
              onChange={(source) => set({ source: source === "all" ? undefined : source })}
            />
            <Pick
              label="Status"
              value={search.status ?? "all"}
              options={{ all: "Every status", ...STATUSES }}
              onChange={(status) => set({ status: status === "all" ? undefined : status })}
            />
          </>
        }
      />
      <Section title="Now">
        <Card>
          <LiveFeed quiet="Nothing has happened since you opened this page." />
        </Card>
      </Section>
      <Section title="Sessions">
        <Loaded query={sessions}>
          {(data) => {
            const rows = rowsOf(data);
            if (rows.length > 0)
              return (
                <>
                  <Grouped rows={rows} />
                  <More query={sessions} what="sessions" />
                </>
              );
            return isFiltered ? (
              <EmptyState
                icon={Search}
                title="No session fits these filters."
                action={
                  <Button asChild>
                    <Link to="/activity" search={{}}>
                      Clear filters
                    </Link>
                  </Button>
                }
              />
            ) : (
              <EmptyState icon={Activity} title="No agent has worked yet.">
                Each step of a run is a session: what the agent was told, thought, did and spent.
              </EmptyState>
            );
          }}
        </Loaded>
      </Section>
    </Page>
  );
}

/** Sessions, repeats as one until somebody wants to see them. */
function Grouped({ rows }: { rows: Session[] }) {
  const [opened, setOpened] = useState<ReadonlySet<string>>(new Set());
  const groups = repeats(rows);
  const hidden = new Map(
    groups.filter(({ session, others }) => others.length > 0 && !opened.has(session.id)).map(({ session, others }) => [session.id, others.length]),
  );
  const shown = groups.flatMap(({ session, others }) => (hidden.has(session.id) ? [session] : [session, ...others]));
  return (
    <SessionTable
      rows={shown}
      actions={(session) => {
        const more = hidden.get(session.id);
        return more ? (
          <Button size="sm" look="quiet" onClick={() => setOpened(new Set([...opened, session.id]))}>
            {more} more like it
          </Button>
        ) : null;
      }}
    />
  );
}
