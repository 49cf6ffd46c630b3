import { getRouteApi, Link } from "@tanstack/react-router";
import { Inbox } from "lucide-react";

import { DecisionCard } from "@/components/decisions/decision-card";
import { Loaded } from "@/components/loaded";
import { NoMatch } from "@/components/no-match";
import { Pick } from "@/components/pick";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { EmptyState } from "@/components/ui/empty-state";
import { Page, PageHeader } from "@/components/ui/page-header";
import { decisionRows, useAnswered, useDecisions, type DecisionRow } from "@/hooks/use-decisions";
import { useSnoozed } from "@/hooks/use-snoozed";

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

const AGES = { all: "Any age", "1h": "Last hour", "24h": "Last 24 hours", "7d": "Last 7 days" };

/** A choice for each value that there is, and one for all of them. */
const choices = (every: string, values: readonly string[]): Record<string, string> => ({
  "": every,
  ...Object.fromEntries([...new Set(values)].filter(Boolean).sort().map((value) => [value, value])),
});

export function DecisionsPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const decisions = useDecisions();
  const answered = useAnswered();
  const set = (change: DecisionsSearch) =>
    void navigate({ search: (old) => ({ ...old, ...change }), replace: true });
  const { snoozed } = useSnoozed();
  const all = decisions.data ?? [];
  const later = all.filter(({ id }) => id in snoozed).length;
  const projects = choices("Every project", all.map((each) => each.project_id));
  return (
    <Page className="mx-0 max-w-[1000px]">
      <PageHeader
        title="Decisions"
        mark={decisions.data ? <Badge>{all.length - later} open</Badge> : null}
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
              options={choices("Every agent", all.map((each) => each.agent_id))}
              onChange={(agent) => set({ agent: agent || undefined })}
            />
            {Object.keys(projects).length > 1 ? (
              <Pick label="Project" value={search.project ?? ""} options={projects} onChange={(project) => set({ project: project || undefined })} />
            ) : null}
            <Pick
              label="Age"
              value={search.age ?? "all"}
              options={AGES}
              onChange={(age) => set({ age: age === "all" ? undefined : age })}
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
          const rows = decisionRows(open, answered);
          const shown = chosen(rows, search, snoozed);
          return (
            <>
              <ApproveAll rows={shown} />
              <List isAny={rows.length > 0} shown={shown} />
              {later > 0 ? (
                <Button look="link" className="mt-4" onClick={() => set({ later: search.later ? undefined : true })}>
                  {search.later ? "Back to what is open" : `${later} put off until later`}
                </Button>
              ) : null}
            </>
          );
        }}
      </Loaded>
    </Page>
  );
}

function List({ isAny, shown }: { isAny: boolean; shown: DecisionRow[] }) {
  if (!isAny)
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
        <li key={decision.id} data-row="">
          <DecisionCard decision={decision} answer={answer} />
        </li>
      ))}
    </ul>
  );
}
