import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";

import { api, ok } from "@/api/client";
import type { Decision } from "@/api/decisions";
import { DecisionCard } from "@/components/decisions/decision-card";
import { Loaded } from "@/components/loaded";
import { Button } from "@/components/ui/button";
import { EmptyState } from "@/components/ui/empty-state";
import { Facts, Money, Time } from "@/components/ui/facts";
import { Card, Page, PageHeader, Section } from "@/components/ui/page-header";
import { Status } from "@/components/ui/status";
import { decisionRows, useAnswered, useDecisions } from "@/hooks/use-decisions";

const route = getRouteApi("/_shell/decisions/$decisionId");

export function DecisionPage() {
  const { decisionId } = route.useParams();
  const decisions = useDecisions();
  const answered = useAnswered();
  return (
    <Page className="mx-0 max-w-[1000px]">
      <PageHeader title="Decision" />
      <Loaded query={decisions}>
        {(all) => {
          const found = decisionRows(all, answered).find((each) => each.decision.id === decisionId);
          return found ? (
            <>
              <DecisionCard decision={found.decision} answer={found.answer} link={false} />
              <Context decision={found.decision} />
            </>
          ) : (
            <EmptyState
              title="This is no longer open."
              action={
                <Button asChild look="primary">
                  <Link to="/decisions">Back to decisions</Link>
                </Button>
              }
            >
              It was answered, here or elsewhere, or its run has ended.
            </EmptyState>
          );
        }}
      </Loaded>
    </Page>
  );
}

/** What one should know before answering: cost so far, and what the steps before gave. */
function Context({ decision }: { decision: Decision }) {
  const run = useQuery({
    queryKey: ["run", decision.run_id, "context"],
    queryFn: ({ signal }) =>
      ok(api.GET("/v1/runs/{run_id}", { params: { path: { run_id: decision.run_id } }, signal })),
  });
  return (
    <Loaded query={run}>
      {(found) => (
        <>
          <Section title="The run" className="mt-6">
            <Card>
              <Facts
                items={[
                  ["Status", <Status key="status" status={found.status} />],
                  ["Pipeline", found.pipeline_id],
                  ["Started", <Time key="at" at={found.started_at} />],
                  ["Cost so far", <Money key="cost" amount={found.cost.total} />],
                  ["Model calls", found.cost.calls],
                  ["Steps done", `${found.steps.filter((step) => step.status === "completed").length} of ${found.steps.length}`],
                ]}
              />
            </Card>
          </Section>
          <Outputs outputs={found.outputs} />
        </>
      )}
    </Loaded>
  );
}

function Outputs({ outputs }: { outputs: Record<string, string> }) {
  const named = Object.entries(outputs);
  if (named.length === 0) return null;
  return (
    <Section title="What earlier steps gave">
      <div className="grid gap-3">
        {named.map(([name, value]) => (
          <details key={name} className="rounded-card border bg-surface px-4 py-2">
            <summary className="text-sm font-medium">{name}</summary>
            <pre className="mt-2 max-h-96 overflow-auto font-mono text-code break-words whitespace-pre-wrap">{value}</pre>
          </details>
        ))}
      </div>
    </Section>
  );
}
