import { getRouteApi, Link } from "@tanstack/react-router";
import { Inbox } from "lucide-react";

import { DecisionCard } from "@/components/decisions/decision-card";
import { Loaded } from "@/components/loaded";
import { NoMatch } from "@/components/no-match";
import { Pick } from "@/components/pick";
import { Badge } from "@/components/ui/badge";
import { EmptyState } from "@/components/ui/empty-state";
import { Page, PageHeader } from "@/components/ui/page-header";
import { decisionRows, useAnswered, useDecisions, type DecisionRow } from "@/hooks/use-decisions";

import { chosen, type DecisionsSearch } from "../search";
import { ApproveAll } from "./approve-all";

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
  const answered = useAnswered();
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
      <Loaded query={decisions}>
        {(open) => {
          const all = decisionRows(open, answered);
          return (
            <>
              <ApproveAll rows={chosen(all, search)} />
              <List all={all} search={search} />
            </>
          );
        }}
      </Loaded>
    </Page>
  );
}

function List({ all, search }: { all: DecisionRow[]; search: DecisionsSearch }) {
  const shown = chosen(all, search);
  if (all.length === 0)
    return (
      <EmptyState icon={Inbox} title="Nothing waits for you.">
        When a run asks for an approval, runs out of money or fails, it stands here.
      </EmptyState>
    );
  if (shown.length === 0)
    return (
      <NoMatch
        title="Nothing open fits these filters."
        clear={
          <Link to="/decisions" search={{}}>
            Clear filters
          </Link>
        }
      />
    );
  return (
    <ul className="grid gap-3">
      {shown.map(({ decision, answer }) => (
        <li key={decision.id}>
          <DecisionCard decision={decision} answer={answer} />
        </li>
      ))}
    </ul>
  );
}
