import { getRouteApi, Link } from "@tanstack/react-router";
import { Inbox, Search } from "lucide-react";

import type { Decision } from "@/api/decisions";
import { DecisionCard } from "@/components/decisions/decision-card";
import { Loaded } from "@/components/loaded";
import { Pick } from "@/components/pick";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { EmptyState } from "@/components/ui/empty-state";
import { Page, PageHeader } from "@/components/ui/page-header";
import { useDecisions } from "@/hooks/use-decisions";

import { chosen, type DecisionsSearch } from "../search";

const route = getRouteApi("/_shell/decisions/");

const KINDS = {
  all: "Every kind",
  approval: "Approvals",
  budget: "Budgets",
  parked: "Parked steps",
  failure: "Failures",
};

export function DecisionsPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const decisions = useDecisions();
  const set = (change: DecisionsSearch) =>
    void navigate({ search: (old) => ({ ...old, ...change }), replace: true });
  const agents = [...new Set((decisions.data ?? []).map((each) => each.agent_id))].filter(Boolean);
  return (
    <Page className="max-w-[1000px]">
      <PageHeader
        title="Decisions"
        mark={decisions.data ? <Badge>{decisions.data.length} open</Badge> : null}
        actions={
          <>
            <Pick
              label="Kind"
              value={search.kind ?? "all"}
              options={KINDS}
              onChange={(kind) => set({ kind: kind === "all" ? undefined : kind })}
            />
            <Pick
              label="Agent"
              value={search.agent ?? ""}
              options={{ "": "Every agent", ...Object.fromEntries(agents.map((id) => [id, id])) }}
              onChange={(agent) => set({ agent: agent || undefined })}
            />
            <Pick
              label="Order"
              value={search.sort ?? "oldest"}
              options={{ oldest: "Oldest first", newest: "Newest first" }}
              onChange={(sort) => set({ sort })}
            />
          </>
        }
      >
        What waits for you: approvals, steps without money or provider, and failures of the last seven days.
      </PageHeader>
      <Loaded query={decisions}>{(all) => <List all={all} search={search} />}</Loaded>
    </Page>
  );
}

function List({ all, search }: { all: Decision[]; search: DecisionsSearch }) {
  const shown = chosen(all, search);
  if (all.length === 0)
    return (
      <EmptyState icon={Inbox} title="Nothing waits for you.">
        When a run asks for an approval, runs out of money or fails, it stands here.
      </EmptyState>
    );
  if (shown.length === 0)
    return (
      <EmptyState
        icon={Search}
        title="Nothing open fits these filters."
        action={
          <Button asChild>
            <Link to="/decisions" search={{}}>
              Clear filters
            </Link>
          </Button>
        }
      />
    );
  return (
    <ul className="grid gap-3">
      {shown.map((decision) => (
        <li key={decision.id}>
          <DecisionCard decision={decision} />
        </li>
      ))}
    </ul>
  );
}
