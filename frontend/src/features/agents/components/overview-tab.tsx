import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import type { Schemas } from "@/api/client";
import { Figure, Figures } from "@/components/figure";
import { Loaded } from "@/components/loaded";
import { EmptyState } from "@/components/ui/empty-state";
import { Elapsed, Facts, Money } from "@/components/ui/facts";
import { Card, Section } from "@/components/ui/page-header";
import { count } from "@/lib/format";

import { agentStatsQuery, lifecycleQuery } from "../queries";
import { AgentState, SOURCES } from "./agents-page";

export function OverviewTab({ agent }: { agent: Schemas["AgentDetail"] }) {
  const life = useQuery(lifecycleQuery(agent.id));
  const stats = useQuery(agentStatsQuery(agent.id));
  return (
    <>
      <Loaded query={stats}>
        {(found) => (
          <Figures>
            <Figure name="Sessions, 24 h" value={count(found.sessions_today)} note={`${count(found.sessions_week)} in 7 days`} />
            <Figure name="Errors, 24 h" value={count(found.errors_24h)} />
            <Figure name="Model calls, 24 h" value={count(found.calls_24h)} />
            <Figure name="Tokens, 24 h" value={count(found.tokens_24h)} />
            <Figure
              name="Cost, 24 h"
              value={found.cost_24h === null && found.calls_24h > 0 ? "unknown" : <Money amount={found.cost_24h ?? 0} />}
              note={<Link to="/usage/calls" search={{ agent_id: agent.id }} className="text-accent hover:underline">Its calls</Link>}
            />
          </Figures>
        )}
      </Loaded>
      <Section title="Works on now" className="mt-6">
        <Loaded query={life}>
          {(found) =>
            found.current_work.length === 0 ? (
              <EmptyState title={found.queue_depth > 0 ? `${found.queue_depth} steps wait for it.` : "It does nothing now."} className="py-8" />
            ) : (
              <ul className="divide-y rounded-card border bg-surface">
                {found.current_work.map((work) => (
                  <li key={work.session_id} className="flex flex-wrap items-center gap-x-4 gap-y-1 px-4 py-2 text-sm">
                    <AgentState state={work.state} />
                    <Link to="/sessions/$sessionId" params={{ sessionId: work.session_id }} className="text-accent hover:underline">
                      {work.kind}
                      {work.step_id ? ` step ${work.step_id}` : ""}
                    </Link>
                    {work.run_id ? (
                      <Link to="/runs/$runId" params={{ runId: work.run_id }} className="text-accent hover:underline">
                        Open run
                      </Link>
                    ) : null}
                    <span className="font-mono text-code">{work.model}</span>
                    <Elapsed from={work.started_at} className="ml-auto text-muted" />
                  </li>
                ))}
              </ul>
            )
          }
        </Loaded>
      </Section>
      <Section title="Profile">
        <Card>
          <Facts
            items={[
              ["Id", agent.id],
              ["Model", agent.model || "instance default"],
              ["Stages", agent.stages.join(", ") || "none of its own"],
              ["Time zone", agent.timezone || "UTC"],
              ["From", SOURCES[agent.source]],
              ["Description", agent.description || "–"],
            ]}
          />
        </Card>
      </Section>
    </>
  );
}
