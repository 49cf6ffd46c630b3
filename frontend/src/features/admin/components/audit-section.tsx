import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { ShieldCheck } from "lucide-react";
import { useState } from "react";

import type { Schemas } from "@/api/client";
import { said } from "@/api/paging";
import { PagedTable, type Column } from "@/components/data-table";
import { NoMatch } from "@/components/no-match";
import { Pick } from "@/components/pick";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Dialog, SheetContent } from "@/components/ui/dialog";
import { EmptyState } from "@/components/ui/empty-state";
import { Facts, Time } from "@/components/ui/facts";
import { Input } from "@/components/ui/input";
import { PageHeader } from "@/components/ui/page-header";
import { ProblemPanel } from "@/components/ui/problem-panel";
import { count } from "@/lib/format";

import { auditQuery, verdictQuery } from "../queries";
import { auditAsk } from "../search";

const route = getRouteApi("/_shell/admin/$section");

type AuditEvent = Schemas["AuditEvent"];

export function AuditSection() {
  const { action, result, actor_id, object_id, since, until } = route.useSearch();
  const navigate = route.useNavigate();
  const filter = { action, result, actor_id, object_id, since, until };
  const events = useInfiniteQuery({ ...auditQuery(auditAsk(filter)), placeholderData: keepPreviousData });
  const [shown, setShown] = useState<AuditEvent | null>(null);
  const set = (change: Partial<typeof filter>) =>
    void navigate({ search: (old) => ({ ...old, ...change }), replace: true });
  return (
    <>
      <PageHeader
        title="Audit log"
        actions={
          <>
            <Filter label="Only this action" placeholder="Action, such as api_key.create" value={action} onSet={(value) => set({ action: value })} />
            <Filter label="Only of this person’s id" placeholder="Who, by id" value={actor_id} onSet={(value) => set({ actor_id: value })} />
            <Filter label="Only on this object’s id" placeholder="On, by id" value={object_id} onSet={(value) => set({ object_id: value })} />
            <Filter type="date" label="From this day" value={since} onSet={(value) => set({ since: value })} />
            <Filter type="date" label="Until this day" value={until} onSet={(value) => set({ until: value })} />
            <Pick
              label="Result"
              value={result ?? "all"}
              options={{ all: "Every result", ok: "Done", refused: "Refused" }}
              onChange={(value) => set({ result: value === "all" ? undefined : value })}
            />
          </>
        }
      >
        <Verdict />
      </PageHeader>
      <PagedTable
        query={events}
        what="entries"
        label="Audit log"
        columns={columns(setShown)}
        id={(event) => event.id}
        empty={
          Object.keys(said(filter)).length > 0 ? (
            <NoMatch
              title="Nothing in the log fits."
              clear={
                <Link to="/admin/$section" params={{ section: "audit" }} search={{}}>
                  Clear filters
                </Link>
              }
            />
          ) : (
            <EmptyState title="Nothing has been logged yet." />
          )
        }
      />
      <Dialog open={shown !== null} onOpenChange={() => setShown(null)}>
        <SheetContent title={shown?.action ?? ""}>{shown ? <AuditFacts event={shown} /> : null}</SheetContent>
      </Dialog>
    </>
  );
}

interface FilterProps {
  label: string;
  placeholder?: string;
  type?: "search" | "date";
  value?: string | undefined;
  onSet: (value: string | undefined) => void;
}

/** It holds from Enter on, or when one leaves it; a day at once. */
function Filter({ label, placeholder, type = "search", value = "", onSet }: FilterProps) {
  const [typed, setTyped] = useState(value);
  const [before, setBefore] = useState(value);
  if (before !== value) {
    setBefore(value); // it was changed elsewhere: by a link, or cleared
    setTyped(value);
  }
  const take = (text: string) => {
    if (text.trim() !== value) onSet(text.trim() || undefined);
  };
  return (
    <Input
      type={type}
      aria-label={label}
      title={label}
      {...(placeholder ? { placeholder } : {})}
      className={type === "date" ? "w-36" : "w-44"}
      value={typed}
      onKeyDown={(event) => {
        if (event.key === "Enter") take(typed);
      }}
      onBlur={() => take(typed)}
      onChange={({ target }) => {
        setTyped(target.value);
        if (type === "date") take(target.value);
      }}
    />
  );
}

/** Whether the chain holds; walked when asked. */
function Verdict() {
  const verdict = useQuery(verdictQuery());
  return (
    <div className="flex flex-wrap items-center gap-3">
      <Button size="sm" busy={verdict.isFetching} onClick={() => void verdict.refetch()}>
        <ShieldCheck aria-hidden />
        Verify the log
      </Button>
      <span role="status">
        {verdict.data ? (
          verdict.data.broken_at === null ? (
            <span className="text-ok">
              {count(verdict.data.rows)} entries, unbroken. Last hash <code>{verdict.data.head.slice(0, 12)}</code>
            </span>
          ) : (
            <span className="text-bad">The chain breaks at entry {verdict.data.broken_at}: it was meddled with.</span>
          )
        ) : null}
      </span>
      {verdict.error ? <ProblemPanel problem={verdict.error} /> : null}
    </div>
  );
}

const columns = (onOpen: (event: AuditEvent) => void): Column<AuditEvent>[] => [
  {
    head: "Time",
    cell: (event) => (
      <Button look="link" onClick={() => onOpen(event)}>
        <Time at={event.at} />
        <span className="sr-only">, details of entry {event.id}</span>
      </Button>
    ),
  },
  { head: "Who", cell: (event) => event.actor_name || event.actor_kind },
  { head: "Action", className: "font-mono text-code", cell: (event) => event.action },
  {
    head: "On",
    className: "font-mono text-code",
    cell: (event) => (event.object_kind ? `${event.object_kind} ${event.object_id ?? ""}` : "–"),
  },
  {
    head: "Result",
    cell: (event) => <Badge tone={event.result === "refused" ? "bad" : "ok"}>{event.result === "refused" ? "refused" : "done"}</Badge>,
  },
  { head: "From", className: "font-mono text-code", cell: (event) => event.ip || "–" },
];

function AuditFacts({ event }: { event: AuditEvent }) {
  return (
    <>
      <Facts
        items={[
          ["Entry", event.id],
          ["Time", <Time key="at" at={event.at} />],
          ["Who", `${event.actor_name || event.actor_kind} ${event.actor_id ? `(${event.actor_id})` : ""}`],
          ["From", event.ip || "–"],
          ["With", event.user_agent || "–"],
          ["Request", event.request_id || "–"],
          ["Hash", <code key="hash" className="text-code break-all">{event.hash}</code>],
        ]}
      />
      <h3 className="mt-4 mb-1 text-sm font-medium">Facts</h3>
      <pre className="overflow-x-auto rounded-control border bg-sunken p-3 font-mono text-code">{JSON.stringify(event.facts, null, 2)}</pre>
    </>
  );
}
