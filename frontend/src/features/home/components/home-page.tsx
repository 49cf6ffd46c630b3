import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { CircleCheck, Play } from "lucide-react";
import { useMemo } from "react";

import { agentKeys, teamQuery, type AgentStanding } from "@/api/agents";
import type { Schemas } from "@/api/client";
import { refusal, useMe } from "@/api/me";
import { budgetKeys, budgetStatusQuery, usageKeys, usageQuery } from "@/api/usage";
import { LiveFeed } from "@/components/activity/live-feed";
import { BudgetBar } from "@/components/budget-bar";
import { DecisionCard, firstLine } from "@/components/decisions/decision-card";
import { Loaded } from "@/components/loaded";
import { Button } from "@/components/ui/button";
import { EmptyState } from "@/components/ui/empty-state";
import { AgentChip, Elapsed, Money, Time } from "@/components/ui/facts";
import { Card, Page, PageHeader, Section } from "@/components/ui/page-header";
import { StatusMark } from "@/components/ui/status";
import { decisionRows, useAnswered, useDecisions } from "@/hooks/use-decisions";
import { useFresh } from "@/hooks/use-fresh";
import { count } from "@/lib/format";

import { monthStart, spentOf } from "../money";
import { movingRunsQuery, newestRunsQuery } from "../queries";
import { FirstDay } from "./first-day";
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
          <Latest />
        </div>
        <div className="min-w-0">
          <FirstDay />
          {seesMoney ? <MoneyCard /> : null}
          <Team />
          <Section title="Activity" actions={<Link to="/activity" className="text-sm text-accent hover:underline">All activity</Link>}>
            <Card>
              <LiveFeed most={12} quiet="Nothing has happened since you opened this page." />
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
  return (
    <Section
      title="Needs you"
      actions={
        (decisions.data?.length ?? 0) > SHOWN_DECISIONS ? (
          <Link to="/decisions" className="text-sm text-accent hover:underline">
            All {decisions.data?.length}
          </Link>
        ) : null
      }
    >
      <Loaded query={decisions}>
        {(all) =>
          all.length + answered.length === 0 ? (
            <p className="flex items-center gap-2 rounded-card border bg-surface px-4 py-3 text-sm text-muted">
              <CircleCheck className="size-4 text-ok" aria-hidden />
              Nothing waits for you.
            </p>
          ) : (
            <ul className="grid gap-3">
              {decisionRows(all, answered).slice(0, SHOWN_DECISIONS + answered.length).map(({ decision, answer }) => (
                <li key={decision.id}>
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

function RunLine({ run }: { run: Schemas["Run"] }) {
  return (
    <li className="grid grid-cols-[minmax(0,1fr)_auto] items-center gap-x-4 gap-y-0.5 px-4 py-2 text-sm">
      <Link to="/runs/$runId" params={{ runId: run.id }} className="flex min-w-0 items-center gap-2 font-medium hover:underline">
        <StatusMark status={run.status} word />
        <span className="truncate">{firstLine(run.task)}</span>
      </Link>
      <span className="text-right">
        <Elapsed from={run.started_at ?? run.created_at} to={run.completed_at} />
      </span>
      <span className="truncate text-xs text-muted">
        {run.pipeline_id}
        {run.current_step ? `, step ${run.current_step}` : ""}, last sign of life <Time at={run.updated_at} />
      </span>
      <span className="text-right text-xs text-muted">
        <Money amount={run.cost_total} />
      </span>
    </li>
  );
}

function Latest() {
  const runs = useQuery(newestRunsQuery());
  const ended = (runs.data?.items ?? []).filter((run) => run.completed_at);
  if (ended.length === 0) return null;
  return (
    <Section title="Ended lately" actions={<Link to="/runs" className="text-sm text-accent hover:underline">All runs</Link>}>
      <ul className="divide-y rounded-card border bg-surface">
        {ended.slice(0, 6).map((run) => (
          <RunLine key={run.id} run={run} />
        ))}
      </ul>
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
            return (
              <>
                <dl className="grid grid-cols-2 gap-3">
                  <Amount name="Today" amount={spent.today} />
                  <Amount name="This month" amount={spent.month} />
                </dl>
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
            <p className="text-sm text-muted">
              {summary.total - summary.idle - summary.paused - summary.disabled} busy, {summary.idle} idle
              {summary.paused > 0 ? `, ${summary.paused} paused` : ""}
              {summary.total_queued > 0 ? `; ${summary.total_queued} steps wait` : ""}
            </p>
            <ul className="mt-3 flex flex-wrap gap-2">
              {[...agents].sort(busiestFirst).map((agent) => (
                <li key={agent.id}>
                  <Link
                    to="/agents/$agentId"
                    params={{ agentId: agent.id }}
                    className="flex h-7 items-center gap-1.5 rounded-full border px-2.5 text-xs hover:border-border-strong touch:min-h-11"
                  >
                    <StatusMark status={AGENT_MARKS[agent.state]} className="size-3.5" />
                    {agent.name}
                    <span className="sr-only">{agent.state}</span>
                  </Link>
                </li>
              ))}
            </ul>
          </Card>
        )}
      </Loaded>
    </Section>
  );
}

const AGENT_MARKS: Record<AgentStanding["state"], string> = {
  idle: "idle",
  queued: "queued",
  working: "running",
  thinking: "running",
  tool_calling: "running",
  paused: "paused",
  disabled: "cancelled",
};

const isBusy = (agent: AgentStanding): boolean => AGENT_MARKS[agent.state] === "running";
const busiestFirst = (a: AgentStanding, b: AgentStanding): number =>
  Number(isBusy(b)) - Number(isBusy(a)) || b.queue_depth - a.queue_depth || a.name.localeCompare(b.name);
