import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { Plus, Users } from "lucide-react";
import { useMemo, useState } from "react";

import { agentKeys, agentsQuery, teamQuery, type Agent, type AgentStanding } from "@/api/agents";
import { refusal, useMe } from "@/api/me";
import { usageQuery, type UsageRow } from "@/api/usage";
import { DataTable, type Column } from "@/components/data-table";
import { ChoiceField, TextField } from "@/components/fields";
import { FormDialog, textOf } from "@/components/form-dialog";
import { Loaded } from "@/components/loaded";
import { NoMatch } from "@/components/no-match";
import { Pick } from "@/components/pick";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { EmptyState } from "@/components/ui/empty-state";
import { AgentChip, Money } from "@/components/ui/facts";
import { Input } from "@/components/ui/input";
import { Page, PageHeader } from "@/components/ui/page-header";
import { Status } from "@/components/ui/status";
import { useFresh } from "@/hooks/use-fresh";
import { count } from "@/lib/format";

import { useCreateAgent } from "../mutations";

const route = getRouteApi("/_shell/agents/");

export const STATES: Record<AgentStanding["state"], [mark: string, word: string]> = {
  idle: ["idle", "Idle"],
  queued: ["queued", "Steps wait"],
  working: ["running", "Working"],
  thinking: ["running", "Thinking"],
  tool_calling: ["running", "Uses a tool"],
  paused: ["paused", "Paused"],
  disabled: ["cancelled", "Switched off"],
};

export function AgentState({ state }: { state: AgentStanding["state"] }) {
  const [mark, word] = STATES[state];
  return <Status status={mark}>{word}</Status>;
}

export function AgentsPage() {
  const me = useMe();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const agents = useQuery(agentsQuery());
  const team = useQuery(teamQuery());
  const [making, setMaking] = useState(false);
  useFresh("agents", () => [agentKeys.all], [agentKeys.all]);
  useFresh("runs", (frame) => (/^STEP_|^AGENT_STATE/.test(frame.type) ? [agentKeys.status] : []), [agentKeys.status]);
  const refused = refusal(me, "member");
  const standings = new Map((team.data?.agents ?? []).map((each) => [each.id, each]));
  const since = useMemo(() => monthBefore(new Date()).toISOString(), []);
  const usage = useQuery({
    ...usageQuery({ bucket: "total", group_by: "agent", since }),
    enabled: me.scopes.includes("usage:read"),
  });
  const used = usage.data && new Map(usage.data.map((row) => [row.group ?? "", row]));
  return (
    <Page>
      <PageHeader
        title="Agents"
        mark={team.data ? <Badge>{team.data.summary.total}</Badge> : null}
        actions={
          <>
            <Input
              type="search"
              aria-label="Find an agent"
              placeholder="Find an agent"
              className="w-44"
              data-page-search=""
              value={search.q ?? ""}
              onChange={(event) =>
                void navigate({ search: (old) => ({ ...old, q: event.target.value || undefined }), replace: true })
              }
            />
            <Pick
              label="State"
              value={search.state ?? "all"}
              options={{ all: "Every state", busy: "Busy", idle: "Idle", paused: "Paused" }}
              onChange={(state) =>
                void navigate({ search: (old) => ({ ...old, state: state === "all" ? undefined : state }), replace: true })
              }
            />
            <Button look="primary" refusal={refused} onClick={() => setMaking(true)}>
              <Plus aria-hidden />
              New agent
            </Button>
          </>
        }
      />
      <Loaded query={agents}>
        {(all) => {
          const shown = all.filter(
            (agent) => matches(agent, search.q ?? "") && inState(standings.get(agent.id), search.state),
          );
          if (all.length === 0) return <EmptyState icon={Users} title="There is no agent yet." />;
          if (shown.length === 0)
            return (
              <NoMatch
                title="No agent fits."
                clear={
                  <Link to="/agents" search={{}}>
                    Clear filters
                  </Link>
                }
              />
            );
          return <DataTable label="Agents" rows={shown} columns={columns(standings, used)} id={(agent) => agent.id} />;
        }}
      </Loaded>
      {making ? <NewAgent agents={agents.data ?? []} onClose={() => setMaking(false)} /> : null}
    </Page>
  );
}

const matches = (agent: Agent, text: string): boolean =>
  `${agent.id} ${agent.name} ${agent.role}`.toLowerCase().includes(text.toLowerCase());

function inState(standing: AgentStanding | undefined, wanted: "busy" | "idle" | "paused" | undefined): boolean {
  if (!wanted) return true;
  if (!standing) return false;
  const isBusy = !["idle", "paused", "disabled"].includes(standing.state);
  return wanted === "busy" ? isBusy : standing.state === wanted;
}

const monthBefore = (now: Date): Date => new Date(now.getTime() - 30 * 86_400_000);

/** Who is there, what they do, what they cost; costs only for who may see them. */
const columns = (
  standings: ReadonlyMap<string, AgentStanding>,
  used: ReadonlyMap<string, UsageRow> | undefined,
): Column<Agent>[] => [
  {
    head: "Agent",
    order: (agent) => agent.name,
    cell: (agent) => (
      <>
        <Link to="/agents/$agentId" params={{ agentId: agent.id }} className="font-medium hover:underline">
          <AgentChip id={agent.id} name={`${agent.emoji ?? ""} ${agent.name}`.trim()} />
        </Link>
        {agent.warnings.length > 0 ? (
          <Badge tone="warn" className="ml-2">
            {agent.warnings.length} warnings
          </Badge>
        ) : null}
      </>
    ),
  },
  { head: "Role", className: "max-w-96 truncate", title: (agent) => agent.role, order: (agent) => agent.role, cell: (agent) => agent.role },
  {
    head: "State",
    order: (agent) => standings.get(agent.id)?.state ?? "",
    cell: (agent) => {
      const standing = standings.get(agent.id);
      return standing ? <AgentState state={standing.state} /> : "–";
    },
  },
  {
    head: "Waiting",
    numeric: true,
    order: (agent) => standings.get(agent.id)?.queue_depth ?? 0,
    cell: (agent) => standings.get(agent.id)?.queue_depth || <span className="text-muted">–</span>,
  },
  {
    head: "Model",
    className: "sm:whitespace-nowrap",
    order: (agent) => agent.model,
    cell: (agent) =>
      agent.model ? <span className="font-mono text-code">{agent.model}</span> : <span className="text-muted">as the instance</span>,
  },
  ...(used ? spending(used) : []),
];

const spending = (used: ReadonlyMap<string, UsageRow>): Column<Agent>[] => [
  {
    head: "Calls, 30 d",
    numeric: true,
    order: (agent) => used.get(agent.id)?.calls ?? 0,
    cell: (agent) => count(used.get(agent.id)?.calls ?? 0),
  },
  {
    head: "Cost, 30 d",
    numeric: true,
    order: (agent) => used.get(agent.id)?.cost_total ?? 0,
    cell: (agent) => <Money amount={used.get(agent.id)?.cost_total ?? 0} />,
  },
];

export const SOURCES: Record<Agent["source"], string> = {
  builtin: "Built in",
  data_dir: "Data directory",
  db: "Database",
};

function NewAgent({ agents, onClose }: { agents: Agent[]; onClose: () => void }) {
  const create = useCreateAgent();
  const navigate = route.useNavigate();
  const submit = async (values: FormData) => {
    const made = await create.mutateAsync({
      id: textOf(values, "id"),
      name: textOf(values, "name"),
      role: textOf(values, "role"),
      emoji: textOf(values, "emoji") || "🤖",
      template: textOf(values, "template"),
    });
    await navigate({ to: "/agents/$agentId", params: { agentId: made.id } });
  };
  return (
    <FormDialog open onOpenChange={onClose} title="New agent" action="Make agent" onSubmit={submit}>
      {(errors) => (
        <>
          <TextField name="id" label="Id" hint="Small letters and digits; it stays for ever." required errors={errors} />
          <TextField name="name" label="Name" required errors={errors} />
          <TextField name="role" label="Role" required placeholder="Security reviewer" errors={errors} />
          <TextField name="emoji" label="Emoji" className="w-20" errors={errors} />
          <ChoiceField
            name="template"
            label="Copy the texts of"
            options={{ "": "The plain template", ...Object.fromEntries(agents.map((agent) => [agent.id, agent.name])) }}
            defaultValue=""
            errors={errors}
          />
        </>
      )}
    </FormDialog>
  );
}
