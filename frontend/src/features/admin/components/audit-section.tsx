import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { Search, ShieldCheck } from "lucide-react";
import { useState } from "react";

import type { Schemas } from "@/api/client";
import { rowsOf, said } from "@/api/paging";
import { Loaded } from "@/components/loaded";
import { More } from "@/components/more";
import { Pick } from "@/components/pick";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Dialog, SheetContent } from "@/components/ui/dialog";
import { EmptyState } from "@/components/ui/empty-state";
import { Facts, Time } from "@/components/ui/facts";
import { Input } from "@/components/ui/input";
import { PageHeader } from "@/components/ui/page-header";
import { ProblemPanel } from "@/components/ui/problem-panel";
import { Row, Table, TableBody, TableHead, Td, Th } from "@/components/ui/table";
import { count } from "@/lib/format";

import { auditQuery, verdictQuery } from "../queries";

const route = getRouteApi("/_shell/admin/$section");

type AuditEvent = Schemas["AuditEvent"];

export function AuditSection() {
  const { action, result, actor_id } = route.useSearch();
  const navigate = route.useNavigate();
  const filter = { action, result, actor_id };
  const events = useInfiniteQuery({ ...auditQuery(filter), placeholderData: keepPreviousData });
  const [shown, setShown] = useState<AuditEvent | null>(null);
  const set = (change: Partial<typeof filter>) =>
    void navigate({ search: (old) => ({ ...old, ...change }), replace: true });
  return (
    <>
      <PageHeader
        title="Audit log"
        actions={
          <>
            <Input
              type="search"
              aria-label="Only this action"
              placeholder="Action, such as api_key.create"
              className="w-60"
              data-page-search=""
              defaultValue={action ?? ""}
              onKeyDown={(event) => {
                if (event.key === "Enter") set({ action: event.currentTarget.value.trim() || undefined });
              }}
            />
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
      <Loaded query={events}>
        {(data) => {
          const rows = rowsOf(data);
          if (rows.length === 0)
            return Object.keys(said(filter)).length > 0 ? (
              <EmptyState
                icon={Search}
                title="Nothing in the log fits."
                action={
                  <Button asChild>
                    <Link to="/admin/$section" params={{ section: "audit" }} search={{}}>
                      Clear filters
                    </Link>
                  </Button>
                }
              />
            ) : (
              <EmptyState title="Nothing has been logged yet." />
            );
          return (
            <>
              <AuditTable rows={rows} onOpen={setShown} />
              <More query={events} what="entries" />
            </>
          );
        }}
      </Loaded>
      <Dialog open={shown !== null} onOpenChange={() => setShown(null)}>
        <SheetContent title={shown?.action ?? ""}>{shown ? <AuditFacts event={shown} /> : null}</SheetContent>
      </Dialog>
    </>
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

function AuditTable({ rows, onOpen }: { rows: AuditEvent[]; onOpen: (event: AuditEvent) => void }) {
  return (
    <Table>
      <TableHead>
        <tr>
          <Th>Time</Th>
          <Th>Who</Th>
          <Th>Action</Th>
          <Th>On</Th>
          <Th>Result</Th>
          <Th>From</Th>
        </tr>
      </TableHead>
      <TableBody>
        {rows.map((event) => (
          <Row key={event.id}>
            <Td>
              <Button look="link" onClick={() => onOpen(event)}>
                <Time at={event.at} />
                <span className="sr-only">, details of entry {event.id}</span>
              </Button>
            </Td>
            <Td>{event.actor_name || event.actor_kind}</Td>
            <Td className="font-mono text-code">{event.action}</Td>
            <Td className="font-mono text-code">
              {event.object_kind ? `${event.object_kind} ${event.object_id ?? ""}` : "–"}
            </Td>
            <Td>
              <Badge tone={event.result === "refused" ? "bad" : "ok"}>{event.result === "refused" ? "refused" : "done"}</Badge>
            </Td>
            <Td className="font-mono text-code">{event.ip || "–"}</Td>
          </Row>
        ))}
      </TableBody>
    </Table>
  );
}

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
