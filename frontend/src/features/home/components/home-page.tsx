import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { CircleCheck, Play } from "lucide-react";
import { useMemo } from "react";

import { agentKeys, teamQuery, type AgentStanding } from "@/api/agents";
import { refusal, useMe } from "@/api/me";
import { budgetKeys, budgetStatusQuery, usageKeys, usageQuery } from "@/api/usage";
import { LiveFeed } from "@/components/activity/live-feed";
import { BudgetBar } from "@/components/budget-bar";
import { DecisionCard } from "@/components/decisions/decision-card";
import { Loaded } from "@/components/loaded";
import { Button } from "@/components/ui/button";
import { EmptyState } from "@/components/ui/empty-state";
import { AgentChip, Money } from "@/components/ui/facts";
import { Card, Page, PageHeader, Section } from "@/components/ui/page-header";
import { StatusMark } from "@/components/ui/status";
import { decisionRows, useAnswered, useDecisions } from "@/hooks/use-decisions";
import { useFresh } from "@/hooks/use-fresh";
import { useSnoozed } from "@/hooks/use-snoozed";
import { count } from "@/lib/format";

import { monthStart, paced, spentOf } from "../money";
import { movingRunsQuery } from "../queries";
import { FirstDay } from "./first-day";
import { LatelyWorked } from "./lately-worked";
import { RunLine } from "./run-line";
import { Since } from "./since";
import { SystemAlert } from "./system-alert";

const SHOWN_DECISIONS = 3;
/** Of single runs and sessions the run's own page tells. */
const SHOWN_BUDGETS = new Set(["instance", "user", "project", "agent"]);
const RUNS = ["runs"] as const;

export function HomePage() {
  const me = useMe();
  const seesMoney = me.scopes.includes("usage:read");
  useFresh(
    "runs",
    (frame) => {
      if (frame.type.startsWith("llm.call.")) return [usageKeys.all, budgetKeys.status];
      if (/^(RUN_|STEP_)/.test(frame.type)) return [RUNS, agentKeys.status];
      return [];
    },
    [RUNS, agentKeys.status],
  );
  return (
    <Page>
      <PageHeader
        title="Home"
        actions={
          <Button asChild look="primary" refusal={refusal(me, "member")}>
            <Link to="/runs" search={{ new: true }}>
              <Play aria-hidden />
              New run
            </Link>
          </Button>
        }
      />
      <SystemAlert />
      <div className="grid gap-6 lg:grid-cols-[minmax(0,1fr)_22rem]">
        <div className="min-w-0">
          <NeedsYou />
          <RunningNow />
          <Since />
        </div>
        <div className="min-w-0">
          <FirstDay />
          {seesMoney ? <MoneyCard /> : null}
          <Team />
          <Section title="Activity" actions={<Link to="/activity" className="text-sm text-accent hover:underline">All activity</Link>}>
            <Card>
              <LiveFeed most={12} quiet={<LatelyWorked />} />
            </Card>
          </Section>
        </div>
      </div>
    </Page>
  );
}

function NeedsYou() {
  const decisions = useDecisions();
  const answered = useAnswered();
  const { snoozed } = useSnoozed();
  const open = (decisions.data ?? []).filter(({ id }) => !(id in snoozed));
  return (
    <Section
      title="Needs you"
      actions={
        open.length > SHOWN_DECISIONS ? (
          <Link to="/decisions" className="text-sm text-accent hover:underline">
            All {open.length}
          </Link>
        ) : null
      }
    >
      <Loaded query={decisions}>
        {() =>
          open.length + answered.length === 0 ? (
            <p className="flex items-center gap-2 rounded-card border bg-surface px-4 py-3 text-sm text-muted">
              <CircleCheck className="size-4 text-ok" aria-hidden />
              Nothing waits for you.
            </p>
          ) : (
            <ul className="grid gap-3">
              {decisionRows(open, answered).slice(0, SHOWN_DECISIONS + answered.length).map(({ decision, answer }) => (
                <li key={decision.id} data-row="">
                  <DecisionCard decision={decision} answer={answer} />
                </li>
              ))}
            </ul>
          )
        }
      </Loaded>
    </Section>
  );
}

function RunningNow() {
  const runs = useQuery(movingRunsQuery());
  return (
    <Section title="Running now">
      <Loaded query={runs}>
        {(all) =>
          all.length === 0 ? (
            <EmptyState title="No run is under way." className="py-8" />
          ) : (
            <ul className="divide-y rounded-card border bg-surface">
              {all.map((run) => (
                <RunLine key={run.id} run={run} />
              ))}
            </ul>
          )
        }
      </Loaded>
    </Section>
  );
}

function MoneyCard() {
  const since = useMemo(() => monthStart(new Date()).toISOString(), []);
  const usage = useQuery(usageQuery({ bucket: "day", group_by: "agent", since }));
  const budgets = useQuery(budgetStatusQuery());
  return (
    <Section title="Money" actions={<Link to="/usage" className="text-sm text-accent hover:underline">Usage</Link>}>
      <Card className="grid gap-4">
        <Loaded query={usage}>
          {(rows) => {
            const spent = spentOf(rows, new Date());
            const pace = paced(spent.month, new Date());
            return (
              <>
                <dl className="grid grid-cols-2 gap-3">
                  <Amount name="Today" amount={spent.today} />
                  <Amount name="This month" amount={spent.month} />
                </dl>
                {pace ? (
                  <p className="text-xs text-muted">
                    At this pace <Money amount={pace} /> by the end of the month.
                  </p>
                ) : null}
                {spent.unknown > 0 ? (
                  <p className="text-xs text-muted">{count(spent.unknown)} calls of unknown cost are not in it.</p>
                ) : null}
                {spent.agents.length > 0 ? (
                  <ul className="grid gap-1 text-sm" aria-label="Dearest agents this month">
                    {spent.agents.slice(0, 3).map((agent) => (
                      <li key={agent.id} className="flex justify-between">
                        <AgentChip id={agent.id} />
                        <Money amount={agent.cost} />
                      </li>
                    ))}
                  </ul>
                ) : null}
              </>
            );
          }}
        </Loaded>
        <Loaded query={budgets} skeleton={null}>
          {(rows) => (
            <div className="grid gap-3">
              {rows.filter((row) => SHOWN_BUDGETS.has(row.scope)).slice(0, 3).map((row) => (
                <BudgetBar key={`${row.budget_id}-${row.subject}`} status={row} />
              ))}
            </div>
          )}
        </Loaded>
      </Card>
    </Section>
  );
}

function Amount({ name, amount }: { name: string; amount: number }) {
  return (
    <div>
      <dt className="text-xs text-muted">{name}</dt>
      <dd className="text-xl font-semibold">
        <Money amount={amount} />
      </dd>
    </div>
  );
}

function Team() {
  const team = useQuery(teamQuery());
  return (
    <Section title="Team" actions={<Link to="/agents" className="text-sm text-accent hover:underline">Agents</Link>}>
      <Loaded query={team}>
        {({ agents, summary }) => (
          <Card>
            {summary.total_queued > 0 ? (
              <p className="mb-3 text-sm text-muted">{summary.total_queued === 1 ? "1 step waits" : `${summary.total_queued} steps wait`} for an agent.</p>
            ) : null}
            <dl className="grid gap-3">
              {grouped(agents).map(([word, members]) => (
                <div key={word}>
                  <dt className="mb-1.5 text-xs text-muted">
                    {word} · {members.length}
                  </dt>
                  <dd className="flex flex-wrap gap-2">
                    {members.map((agent) => (
                      <Link
                        key={agent.id}
                        to="/agents/$agentId"
                        params={{ agentId: agent.id }}
                        className="flex h-7 items-center gap-1.5 rounded-full border px-2.5 text-xs hover:border-border-strong touch:min-h-11"
                      >
                        <StatusMark status={AGENT_MARKS[agent.state]} className="size-3.5" />
                        {agent.name}
                        {agent.queue_depth > 0 ? <span className="text-muted">{agent.queue_depth} waiting</span> : null}
                      </Link>
                    ))}
                  </dd>
                </div>
              ))}
            </dl>
          </Card>
        )}
      </Loaded>
    </Section>
  );
}

const GROUPS: [word: string, states: AgentStanding["state"][]][] = [
  ["Working", ["working", "thinking", "tool_calling"]],
  ["Steps wait", ["queued"]],
  ["Paused", ["paused"]],
  ["Idle", ["idle"]],
  ["Switched off", ["disabled"]],
];

/** Agents by what they do, those with work first; groups without any left out. */
const grouped = (agents: readonly AgentStanding[]): [string, AgentStanding[]][] =>
  GROUPS.map(([word, states]): [string, AgentStanding[]] => [
    word,
    agents.filter((agent) => states.includes(agent.state)).sort((a, b) => a.name.localeCompare(b.name)),
  ]).filter(([, members]) => members.length > 0);

const AGENT_MARKS: Record<AgentStanding["state"], string> = {
  idle: "idle",
  queued: "queued",
  working: "running",
  thinking: "running",
  tool_calling: "running",
  paused: "paused",
  disabled: "cancelled",
};
