import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { Plus, Search, Users } from "lucide-react";
import { useState } from "react";

import { agentKeys, agentsQuery, teamQuery, type Agent, type AgentStanding } from "@/api/agents";
import { refusal, useMe } from "@/api/me";
import { FormDialog, textOf } from "@/components/form-dialog";
import { Loaded } from "@/components/loaded";
import { Pick } from "@/components/pick";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { EmptyState } from "@/components/ui/empty-state";
import { AgentChip } from "@/components/ui/facts";
import { Field, Input, Select } from "@/components/ui/input";
import { Page, PageHeader } from "@/components/ui/page-header";
import { Status } from "@/components/ui/status";
import { Row, Table, TableBody, TableHead, Td, Th } from "@/components/ui/table";
import { useFresh } from "@/hooks/use-fresh";

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
              <EmptyState
                icon={Search}
                title="No agent fits."
                action={
                  <Button asChild>
                    <Link to="/agents" search={{}}>
                      Clear filters
                    </Link>
                  </Button>
                }
              />
            );
          return <AgentTable agents={shown} standings={standings} />;
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

function AgentTable({ agents, standings }: { agents: Agent[]; standings: Map<string, AgentStanding> }) {
  return (
    <Table>
      <TableHead>
        <tr>
          <Th>Agent</Th>
          <Th>Role</Th>
          <Th>State</Th>
          <Th numeric>Waiting</Th>
          <Th>Model</Th>
          <Th>From</Th>
        </tr>
      </TableHead>
      <TableBody>
        {agents.map((agent) => {
          const standing = standings.get(agent.id);
          return (
            <Row key={agent.id}>
              <Td>
                <Link to="/agents/$agentId" params={{ agentId: agent.id }} className="font-medium hover:underline">
                  <AgentChip id={agent.id} name={`${agent.emoji ?? ""} ${agent.name}`.trim()} />
                </Link>
                {agent.warnings.length > 0 ? (
                  <Badge tone="warn" className="ml-2">
                    {agent.warnings.length} warnings
                  </Badge>
                ) : null}
              </Td>
              <Td className="max-w-96 truncate" title={agent.role}>{agent.role}</Td>
              <Td>{standing ? <AgentState state={standing.state} /> : "–"}</Td>
              <Td numeric>{standing?.queue_depth ?? 0}</Td>
              <Td className="font-mono text-code whitespace-nowrap">{agent.model || "instance default"}</Td>
              <Td className="whitespace-nowrap">{SOURCES[agent.source]}</Td>
            </Row>
          );
        })}
      </TableBody>
    </Table>
  );
}

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
          <Field label="Id" hint="Small letters and digits; it stays for ever." error={errors["id"]}>
            {(control) => <Input {...control} name="id" required autoComplete="off" />}
          </Field>
          <Field label="Name" error={errors["name"]}>
            {(control) => <Input {...control} name="name" required autoComplete="off" />}
          </Field>
          <Field label="Role" error={errors["role"]}>
            {(control) => <Input {...control} name="role" required placeholder="Security reviewer" autoComplete="off" />}
          </Field>
          <Field label="Emoji" error={errors["emoji"]}>
            {(control) => <Input {...control} name="emoji" className="w-20" autoComplete="off" />}
          </Field>
          <Field label="Copy the texts of" error={errors["template"]}>
            {(control) => (
              <Select {...control} name="template" defaultValue="">
                <option value="">The plain template</option>
                {agents.map((agent) => (
                  <option key={agent.id} value={agent.id}>
                    {agent.name}
                  </option>
                ))}
              </Select>
            )}
          </Field>
        </>
      )}
    </FormDialog>
  );
}
