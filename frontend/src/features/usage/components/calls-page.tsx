import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { Download } from "lucide-react";

import { api, ok } from "@/api/client";
import { agentsQuery } from "@/api/agents";
import { said } from "@/api/paging";
import { callsQuery, usageKeys, type CallsAsk, type LlmCall } from "@/api/usage";
import { PagedTable, type Column } from "@/components/data-table";
import { Loaded } from "@/components/loaded";
import { NoMatch } from "@/components/no-match";
import { Pick } from "@/components/pick";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Dialog, SheetContent } from "@/components/ui/dialog";
import { EmptyState } from "@/components/ui/empty-state";
import { CopyId, Facts, Money, Time } from "@/components/ui/facts";
import { Page, PageHeader } from "@/components/ui/page-header";
import { Status } from "@/components/ui/status";
import { UsageNav } from "@/components/usage/usage-nav";
import { useFresh } from "@/hooks/use-fresh";
import { count, duration } from "@/lib/format";

const route = getRouteApi("/_shell/usage/calls");

const STATUSES = { all: "Every status", started: "Under way", completed: "Completed", failed: "Failed" };
const MARKS: Record<LlmCall["status"], string> = { started: "running", completed: "completed", failed: "failed" };

export function CallsPage() {
  const { call, ...filter } = route.useSearch();
  const navigate = route.useNavigate();
  const calls = useInfiniteQuery({ ...callsQuery(filter), placeholderData: keepPreviousData });
  const agents = useQuery(agentsQuery());
  useFresh("runs", (frame) => (frame.type.startsWith("llm.") ? [usageKeys.all] : []), [usageKeys.all]);
  const set = (change: Partial<CallsAsk & { call: string | undefined }>) =>
    void navigate({ search: (old) => ({ ...old, ...change }), replace: true });
  const others = Object.entries(said(filter)).filter(([name]) => name !== "status" && name !== "agent_id");
  const totals = calls.data?.pages[0]?.totals;
  const query = new URLSearchParams(said(filter)).toString();
  return (
    <Page>
      <PageHeader
        title="Model calls"
        actions={
          <>
            <Pick
              label="Status"
              value={filter.status ?? "all"}
              options={STATUSES}
              onChange={(value) => set({ status: value === "all" ? undefined : (value) })}
            />
            <Pick
              label="Agent"
              value={filter.agent_id ?? ""}
              options={{ "": "Every agent", ...Object.fromEntries((agents.data ?? []).map((agent) => [agent.id, agent.name])) }}
              onChange={(value) => set({ agent_id: value || undefined })}
            />
            <Button asChild>
              <a href={`/v1/llm/calls/export?${query}`} download>
                <Download aria-hidden />
                Export CSV
              </a>
            </Button>
          </>
        }
      >
        {totals ? (
          <>
            {count(totals.calls)} calls, {count(totals.total_tokens)} tokens, <Money amount={totals.cost_total} />
            {totals.cost_unknown_calls > 0 ? `, ${count(totals.cost_unknown_calls)} of unknown cost` : ""}
          </>
        ) : null}
      </PageHeader>
      <UsageNav />
      {others.length > 0 ? (
        <p className="mb-3 flex flex-wrap items-center gap-2 text-sm">
          {others.map(([name, value]) => (
            <Badge key={name} tone="accent">
              {name.replace("_id", "")}: {value}
            </Badge>
          ))}
          <Button look="link" asChild>
            <Link to="/usage/calls" search={{}}>
              Clear filters
            </Link>
          </Button>
        </p>
      ) : null}
      <PagedTable
        query={calls}
        what="calls"
        label="Model calls"
        columns={columns((id) => set({ call: id }))}
        id={(each) => each.id ?? each.created_at}
        empty={
          Object.keys(said(filter)).length > 0 ? (
            <NoMatch
              title="No call fits these filters."
              clear={
                <Link to="/usage/calls" search={{}}>
                  Clear filters
                </Link>
              }
            />
          ) : (
            <EmptyState title="No model was called yet." />
          )
        }
      />
      <CallSheet id={call} onClose={() => set({ call: undefined })} />
    </Page>
  );
}

const columns = (onOpen: (id: string) => void): Column<LlmCall>[] => [
  {
    head: "Time",
    cell: (call) => (
      <Button look="link" onClick={() => onOpen(call.id ?? "")}>
        <Time at={call.created_at} />
        <span className="sr-only">, details</span>
      </Button>
    ),
  },
  {
    head: "Status",
    cell: (call) => (
      <>
        <Status status={MARKS[call.status]} />
        {call.fallback_of ? <Badge className="ml-2">fallback</Badge> : null}
      </>
    ),
  },
  { head: "Model", className: "font-mono text-code break-all", cell: (call) => `${call.provider}/${call.model}` },
  { head: "Agent", cell: (call) => call.agent_id || "–" },
  { head: "In", numeric: true, cell: (call) => count(call.input_tokens) },
  { head: "Cached", numeric: true, cell: (call) => count(call.cache_read_tokens) },
  { head: "Out", numeric: true, cell: (call) => count(call.output_tokens) },
  { head: "Cost", numeric: true, cell: (call) => <CallCost call={call} /> },
  { head: "Took", numeric: true, cell: (call) => (call.ended_at ? duration((call.duration_ms ?? 0) / 1_000) : "–") },
];

function CallCost({ call }: { call: LlmCall }) {
  if (call.cost_total === null) return <span title="The price of this model is not known.">unknown</span>;
  return (
    <span title={call.cost_approximate ? "Estimated from a related model's price." : undefined}>
      {call.cost_approximate ? "≈ " : ""}
      <Money amount={call.cost_total} />
    </span>
  );
}

function CallSheet({ id, onClose }: { id: string | undefined; onClose: () => void }) {
  const call = useQuery({
    queryKey: [...usageKeys.all, "call", id],
    queryFn: ({ signal }) =>
      ok(api.GET("/v1/llm/calls/{call_id}", { params: { path: { call_id: id ?? "" } }, signal })),
    enabled: Boolean(id),
  });
  return (
    <Dialog open={Boolean(id)} onOpenChange={(open) => (open ? undefined : onClose())}>
      <SheetContent title="Model call" description="Prompt and answer are not kept here: they stand in the session.">
        <Loaded query={call}>{(found) => <CallFacts call={found} />}</Loaded>
      </SheetContent>
    </Dialog>
  );
}

function CallFacts({ call }: { call: LlmCall }) {
  return (
    <Facts
      items={[
        ["Call", <CopyId key="id" id={call.id ?? ""} />],
        ["Status", <Status key="status" status={MARKS[call.status]} />],
        ...(call.error_class ? ([["Error", call.error_class]] as [string, string][]) : []),
        ["Model", `${call.provider}/${call.model}`],
        ...(call.requested_model && call.requested_model !== call.model
          ? ([["Asked for", call.requested_model]] as [string, string][])
          : []),
        ["Key", `${call.key_source ?? "none"} ${call.key_masked ?? ""}`],
        ["Started", <Time key="at" at={call.created_at} />],
        ["First word after", call.ttft_ms ? duration(call.ttft_ms / 1_000) : "–"],
        ["Took", call.ended_at ? duration((call.duration_ms ?? 0) / 1_000) : "under way"],
        ["Tokens in", count(call.input_tokens)],
        ["From cache", count(call.cache_read_tokens)],
        ["Into cache", count(call.cache_write_tokens)],
        ["Tokens out", count(call.output_tokens)],
        ["Context", call.context_percent ? `${Math.round(call.context_percent)} % of ${count(call.context_window)}` : "–"],
        ["Tool calls", count(call.tool_call_count)],
        ["Cost", <CallCost key="cost" call={call} />],
        ["Held before", <Money key="held" amount={call.reserved_usd} />],
        ["Stopped by", call.stop_reason || "–"],
        [
          "Run",
          call.run_id ? (
            <Link key="run" to="/runs/$runId" params={{ runId: call.run_id }} className="text-accent hover:underline">
              {call.run_id}
            </Link>
          ) : (
            "–"
          ),
        ],
        [
          "Session",
          call.session_id ? (
            <Link key="session" to="/sessions/$sessionId" params={{ sessionId: call.session_id }} className="text-accent hover:underline">
              {call.session_id}
            </Link>
          ) : (
            "–"
          ),
        ],
      ]}
    />
  );
}
