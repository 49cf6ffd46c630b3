import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { Pause, Play, TriangleAlert } from "lucide-react";
import { lazy, Suspense, useState } from "react";

import { agentKeys } from "@/api/agents";
import type { Schemas } from "@/api/client";
import { refusal, useMe } from "@/api/me";
import { FormDialog, textOf } from "@/components/form-dialog";
import { Loaded } from "@/components/loaded";
import { Button } from "@/components/ui/button";
import { Time } from "@/components/ui/facts";
import { Field, Input } from "@/components/ui/input";
import { Page, PageHeader } from "@/components/ui/page-header";
import { SkeletonRows } from "@/components/ui/skeleton";
import { Tab, TabList, TabPanel, Tabs } from "@/components/ui/tabs";
import { useFresh } from "@/hooks/use-fresh";
import { failed, said } from "@/lib/toast";

import { usePauseAgent, useResumeAgent } from "../mutations";
import { agentQuery, lifecycleQuery } from "../queries";
import { TABS, type AgentTab } from "../search";
import { AgentState } from "./agents-page";
import { ConfigTab } from "./config-tab";
import { OverviewTab } from "./overview-tab";
import { QueueTab } from "./queue-tab";
import { SandboxTab } from "./sandbox-tab";
import { SessionsTab } from "./sessions-tab";
import { TimelineTab } from "./timeline-tab";
import { ToolsTab } from "./tools-tab";

const PersonaTab = lazy(() => import("./persona-tab"));
const route = getRouteApi("/_shell/agents/$agentId");

export function AgentPage() {
  const { agentId } = route.useParams();
  const { tab = "overview" } = route.useSearch();
  const navigate = route.useNavigate();
  const agent = useQuery(agentQuery(agentId));
  useFresh("agents", (frame) => (frame.data["agentId"] === agentId ? [agentKeys.one(agentId)] : []), [agentKeys.one(agentId)]);
  useFresh(
    "runs",
    (frame) =>
      /^STEP_/.test(frame.type)
        ? ["lifecycle", "queue", "timeline"].map((part) => [...agentKeys.one(agentId), part])
        : [],
    [agentKeys.one(agentId)],
  );
  const show = (value: string) => void navigate({ search: { tab: value as AgentTab }, replace: true });
  return (
    <Page>
      <Loaded query={agent}>
        {(found) => (
          <>
            <Head agent={found} />
            <Tabs value={tab} onValueChange={show}>
              <TabList aria-label="Parts of the agent" className="mb-4">
                {Object.entries(TABS).map(([key, word]) => (
                  <Tab key={key} value={key}>
                    {word}
                  </Tab>
                ))}
              </TabList>
              <TabPanel value={tab}>
                <Panel tab={tab} agent={found} />
              </TabPanel>
            </Tabs>
          </>
        )}
      </Loaded>
    </Page>
  );
}

function Panel({ tab, agent }: { tab: AgentTab; agent: Schemas["AgentDetail"] }) {
  switch (tab) {
    case "overview":
      return <OverviewTab agent={agent} />;
    case "persona":
      return (
        <Suspense fallback={<SkeletonRows />}>
          <PersonaTab agent={agent} />
        </Suspense>
      );
    case "config":
      return <ConfigTab agentId={agent.id} />;
    case "tools":
      return <ToolsTab agentId={agent.id} />;
    case "queue":
      return <QueueTab agentId={agent.id} />;
    case "timeline":
      return <TimelineTab agentId={agent.id} />;
    case "sessions":
      return <SessionsTab agentId={agent.id} />;
    case "sandbox":
      return <SandboxTab agentId={agent.id} />;
  }
}

function Head({ agent }: { agent: Schemas["AgentDetail"] }) {
  const me = useMe();
  const life = useQuery(lifecycleQuery(agent.id));
  const pause = usePauseAgent(agent.id);
  const resume = useResumeAgent(agent.id);
  const [asking, setAsking] = useState(false);
  const refused = refusal(me, "member");
  return (
    <>
      <PageHeader
        title={`${agent.emoji ?? ""} ${agent.name}`.trim()}
        mark={life.data ? <AgentState state={life.data.state} /> : null}
        actions={
          agent.paused_at ? (
            <Button
              refusal={refused}
              busy={resume.isPending}
              onClick={() =>
                resume.mutate(undefined, {
                  onSuccess: () => said(`${agent.name} goes on`),
                  onError: (error) => failed(`${agent.name} is still paused`, error),
                })
              }
            >
              <Play aria-hidden />
              Resume agent
            </Button>
          ) : (
            <Button refusal={refused} onClick={() => setAsking(true)}>
              <Pause aria-hidden />
              Pause agent
            </Button>
          )
        }
      >
        {agent.role}
      </PageHeader>
      {agent.paused_at ? (
        <p className="mb-4 text-sm text-warn">
          Paused <Time at={agent.paused_at} />
          {agent.pause_reason ? `: ${agent.pause_reason}` : ""}
        </p>
      ) : null}
      <Warnings agent={agent} />
      {asking ? (
        <FormDialog
          open
          onOpenChange={setAsking}
          title={`Pause ${agent.name}?`}
          description="It begins no work by itself. Sessions that run may finish."
          action="Pause agent"
          onSubmit={(values) => pause.mutateAsync(textOf(values, "reason"))}
        >
          {(errors) => (
            <Field label="Reason" hint="Others see it." error={errors["reason"]}>
              {(control) => <Input {...control} name="reason" autoComplete="off" />}
            </Field>
          )}
        </FormDialog>
      ) : null}
    </>
  );
}

function Warnings({ agent }: { agent: Schemas["AgentDetail"] }) {
  if (agent.warnings.length === 0) return null;
  return (
    <div className="tone-warn mb-4 flex gap-3 rounded-card border border-tone bg-tone-tint p-3 text-sm">
      <TriangleAlert className="mt-0.5 size-4 shrink-0 text-tone" aria-hidden />
      <ul>
        {agent.warnings.map((warning) => (
          <li key={`${warning.file}:${warning.path}:${warning.code}`}>
            <span className="font-mono text-code">
              {warning.file}
              {warning.line ? `:${warning.line}` : ""}
            </span>{" "}
            {warning.message}
          </li>
        ))}
      </ul>
    </div>
  );
}
