import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useVirtualizer } from "@tanstack/react-virtual";
import { Play, Plus } from "lucide-react";
import { useEffect, useMemo, useRef, useState, type RefObject } from "react";

import { agentsQuery } from "@/api/agents";
import { refusal, useMe } from "@/api/me";
import { rowsOf } from "@/api/paging";
import { pipelinesQuery } from "@/api/pipelines";
import { Button } from "@/components/ui/button";
import { EmptyState } from "@/components/ui/empty-state";
import { AgentChip, Elapsed, Money, Time } from "@/components/ui/facts";
import { Input, Select } from "@/components/ui/input";
import { Page, PageHeader } from "@/components/ui/page-header";
import { ProblemPanel } from "@/components/ui/problem-panel";
import { SkeletonRows } from "@/components/ui/skeleton";
import { Status, StatusMark, stateOf } from "@/components/ui/status";
import { useFresh } from "@/hooks/use-fresh";
import { useKeymap } from "@/hooks/use-keymap";
import { cn } from "@/lib/cn";
import { count } from "@/lib/format";

import { type Run, type RunFilters, runKeys, runListQuery } from "../queries";
import type { RunListSearch } from "../search";
import { hasEnded } from "../states";
import { BulkBar } from "./bulk-bar";
import { NewRunDialog } from "./new-run-dialog";
import { SavedViews } from "./saved-views";
import { agentNow, StepBar } from "./step-bar";

const ROW = 40;
const PHONE_ROW = 60;
const SINCE_MS: Record<NonNullable<RunListSearch["since"]>, number> = {
  "1h": 3_600_000, "24h": 86_400_000, "7d": 7 * 86_400_000, "30d": 30 * 86_400_000,
};
const MINUTE_MS = 60_000;

const STATUSES: [NonNullable<RunListSearch["status"]>, string][] = [
  ["running", "Active"], ["waiting_human", "Needs you"], ["paused", "Paused"], ["completed", "Completed"], ["failed", "Failed"], ["cancelled", "Cancelled"], ["terminal", "Ended"],
];
const KINDS = ["pipeline", "executor", "approach", "planning", "resolve", "import"] as const;

/** What the server is asked for. The time is rounded, so that the same view is one query for a minute. */
export function filtersOf(search: RunListSearch, now: number): RunFilters {
  return {
    ...(search.status ? { status: search.status } : {}),
    ...(search.kind ? { kind: search.kind } : {}),
    ...(search.pipeline ? { pipeline_id: search.pipeline } : {}),
    ...(search.agent ? { agent_id: search.agent } : {}),
    ...(search.q ? { search: search.q } : {}),
    ...(search.sort ? { sort: search.sort } : {}),
    ...(search.since ? { since: new Date(Math.floor((now - SINCE_MS[search.since]) / MINUTE_MS) * MINUTE_MS).toISOString() } : {}),
  };
}

export function RunsPage({ search }: { search: RunListSearch }) {
  const navigate = useNavigate();
  const [opened] = useState(() => Date.now());
  const filters = useMemo(() => filtersOf(search, opened), [search, opened]);
  const runs = useInfiniteQuery(runListQuery(filters));
  const rows = rowsOf(runs.data) as Run[];
  const total = runs.data?.pages[0]?.total;
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const closed = refusal(useMe(), "member");
  useFresh("runs", () => [runKeys.lists()], [runKeys.lists()]);

  const setSearch = (change: Partial<RunListSearch>): void => {
    setChosen(new Set());
    void navigate({ to: "/runs", search: { ...search, ...change }, replace: true });
  };
  useKeymap("Runs", [
    ...(closed ? [] : [{ keys: "n", label: "New run", run: () => setSearch({ new: true }) }]),
    { keys: "/", label: "Search in tasks", run: () => document.getElementById("run-search")?.focus() },
  ]);
  const { new: isNew, ...view } = search;
  const isFiltered = Object.keys(filtersOf({ ...view, sort: undefined }, opened)).length > 0;
  return (
    <Page>
      <PageHeader
        title="Runs"
        mark={total !== undefined ? <span className="text-sm text-muted">{count(total)}</span> : null}
        actions={<Button look="primary" refusal={closed} onClick={() => setSearch({ new: true })} title="New run (n)"><Plus aria-hidden />New run</Button>}
      />
      <SavedViews search={view} onOpen={(next) => void navigate({ to: "/runs", search: next })} />
      <Filters search={search} onChange={setSearch} />
      <BulkBar runs={rows.filter((row) => chosen.has(row.id))} onDone={() => setChosen(new Set())} />
      {runs.error && !runs.data ? <ProblemPanel problem={runs.error} onRetry={() => void runs.refetch()} /> : null}
      {runs.error && runs.data ? <ProblemPanel problem={runs.error} className="mb-2" onRetry={() => void runs.refetch()} /> : null}
      {runs.isPending ? <SkeletonRows rows={8} /> : null}
      {runs.data && rows.length === 0 ? (
        isFiltered ? (
          <EmptyState title="No run matches" action={<Button onClick={() => void navigate({ to: "/runs", search: {} })}>Clear filters</Button>}>Other runs may exist in another state or of another pipeline.</EmptyState>
        ) : (
          <EmptyState icon={Play} title="No runs yet" action={<Button look="primary" refusal={closed} onClick={() => setSearch({ new: true })}><Plus aria-hidden />New run</Button>}>
            A run takes a task through a pipeline of agents, in a repository of yours, and ends with commits on a branch.
          </EmptyState>
        )
      ) : null}
      {rows.length > 0 ? (
        <RunTable rows={rows} total={total ?? rows.length} chosen={chosen} onChoose={setChosen} hasMore={runs.hasNextPage} isFetchingMore={runs.isFetchingNextPage} onMore={() => void runs.fetchNextPage()} />
      ) : null}
      {isNew ? <NewRunDialog pipeline={search.pipeline ?? ""} onClose={() => setSearch({ new: undefined })} /> : null}
    </Page>
  );
}

function Filters({ search, onChange }: { search: RunListSearch; onChange: (change: Partial<RunListSearch>) => void }) {
  const pipelines = useQuery(pipelinesQuery());
  const agents = useQuery(agentsQuery());
  const [text, setText] = useSearchText(search.q ?? "", (q) => onChange({ q: q || undefined }));
  const pick = "h-8 w-auto min-w-36 flex-1 sm:max-w-44 sm:min-w-0 sm:flex-none";
  return (
    <div className="mb-3 flex flex-wrap items-center gap-2" role="search" aria-label="Filter runs">
      <Input id="run-search" type="search" data-page-search="" aria-label="Search in tasks" placeholder="Search in tasks" className="w-full sm:w-56" value={text} onChange={(event) => setText(event.target.value)} />
      <Select aria-label="State" className={pick} value={search.status ?? ""} onChange={(event) => onChange({ status: (event.target.value || undefined) as RunListSearch["status"] })}>
        <option value="">Every state</option>
        {STATUSES.map(([status, word]) => <option key={status} value={status}>{word}</option>)}
      </Select>
      <Select aria-label="Pipeline" className={pick} value={search.pipeline ?? ""} onChange={(event) => onChange({ pipeline: event.target.value || undefined })}>
        <option value="">Every pipeline</option>
        {pipelines.data?.map((pipeline) => <option key={pipeline.id} value={pipeline.id}>{pipeline.name || pipeline.id}</option>)}
      </Select>
      <Select aria-label="Agent" className={pick} value={search.agent ?? ""} onChange={(event) => onChange({ agent: event.target.value || undefined })}>
        <option value="">Every agent</option>
        {agents.data?.map((agent) => <option key={agent.id} value={agent.id}>{agent.name || agent.id}</option>)}
      </Select>
      <Select aria-label="Kind" className={pick} value={search.kind ?? ""} onChange={(event) => onChange({ kind: (event.target.value || undefined) as RunListSearch["kind"] })}>
        <option value="">Every kind</option>
        {KINDS.map((kind) => <option key={kind} value={kind}>{kind}</option>)}
      </Select>
      <Select aria-label="Time" className={pick} value={search.since ?? ""} onChange={(event) => onChange({ since: (event.target.value || undefined) as RunListSearch["since"] })}>
        <option value="">Any time</option>
        <option value="1h">Last hour</option>
        <option value="24h">Last 24 hours</option>
        <option value="7d">Last 7 days</option>
        <option value="30d">Last 30 days</option>
      </Select>
      <Select aria-label="Order" className={pick} value={search.sort ?? "-created_at"} onChange={(event) => onChange({ sort: event.target.value === "-created_at" ? undefined : event.target.value as RunListSearch["sort"] })}>
        <option value="-created_at">Newest first</option>
        <option value="created_at">Oldest first</option>
        <option value="-updated_at">Last changed first</option>
        <option value="updated_at">Longest unchanged first</option>
      </Select>
    </div>
  );
}

/** What is written, told when the writer rests; what the address says otherwise takes its place. */
function useSearchText(q: string, tell: (q: string) => void): [string, (text: string) => void] {
  const [text, setText] = useState(q);
  const [told, setTold] = useState(q);
  const [seen, setSeen] = useState(q);
  if (q !== seen) {
    setSeen(q);
    if (q !== told) {
      setTold(q);
      setText(q);
    }
  }
  const latest = useRef(tell);
  useEffect(() => {
    latest.current = tell;
  });
  useEffect(() => {
    if (text === told) return undefined;
    const timer = setTimeout(() => {
      setTold(text);
      latest.current(text);
    }, 300);
    return () => clearTimeout(timer);
  }, [text, told]);
  return [text, setText];
}

interface RunTableProps {
  rows: Run[];
  total: number;
  chosen: ReadonlySet<string>;
  onChoose: (ids: ReadonlySet<string>) => void;
  hasMore: boolean;
  isFetchingMore: boolean;
  onMore: () => void;
}

// What is hidden on a narrow page is on the page of the run.
const COLUMNS = "sm:grid-cols-[28px_118px_minmax(0,1fr)_minmax(80px,130px)_92px_92px_76px] lg:gap-x-3 xl:grid-cols-[28px_118px_minmax(0,1fr)_minmax(80px,140px)_minmax(90px,140px)_104px_92px_84px_72px_64px]";
const ONLY_WIDE = "max-xl:hidden";

function RunTable({ rows, total, chosen, onChoose, hasMore, isFetchingMore, onMore }: RunTableProps) {
  const place = useRef<HTMLDivElement>(null);
  const isWide = useWide();
  const height = isWide ? ROW : PHONE_ROW;
  // eslint-disable-next-line react-hooks/incompatible-library -- the list is not memoised by a compiler
  const list = useVirtualizer({ count: rows.length, getScrollElement: () => place.current, estimateSize: () => height, overscan: 12, getItemKey: (at) => rows[at]?.id ?? at });
  const items = list.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => {
    list.measure();
  }, [height, list]);
  useEffect(() => {
    if (hasMore && !isFetchingMore && last >= rows.length - 20) onMore();
  }, [hasMore, isFetchingMore, last, rows.length, onMore]);

  const toggle = (id: string): void => {
    const next = new Set(chosen);
    if (!next.delete(id)) next.add(id);
    onChoose(next);
  };
  const focused = useRowKeys(rows, place, (at) => list.scrollToIndex(at), toggle);
  const all = rows.length > 0 && rows.every((row) => chosen.has(row.id));
  return (
    <div className="overflow-hidden rounded-card border bg-surface">
      <div role="table" aria-label="Runs" aria-rowcount={total + 1} className="text-sm">
        <div role="rowgroup">
          <div role="row" aria-rowindex={1} className={cn("hidden h-8 items-center gap-x-2 border-b bg-sunken px-3 text-xs font-medium text-muted sm:grid", COLUMNS)}>
            <span role="columnheader"><input type="checkbox" aria-label="Choose all that are loaded" checked={all} onChange={() => onChoose(all ? new Set() : new Set(rows.map((row) => row.id)))} /></span>
            <span role="columnheader">State</span>
            <span role="columnheader">Task</span>
            <span role="columnheader" className={ONLY_WIDE}>Pipeline</span>
            <span role="columnheader">Steps</span>
            <span role="columnheader" className={ONLY_WIDE}>Agent now</span>
            {["Started", "Duration", "Cost"].map((word) => <span key={word} role="columnheader" className="text-right">{word}</span>)}
            <span role="columnheader" className={cn("text-right", ONLY_WIDE)}>Tokens</span>
          </div>
        </div>
        {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls must be reachable by keys */}
        <div ref={place} role="rowgroup" tabIndex={0} aria-label="Rows" className="max-h-[calc(100dvh-260px)] min-h-40 overflow-y-auto focus-visible:-outline-offset-2">
          <div className="relative" style={{ height: list.getTotalSize() }}>
            {items.map((item) => {
              const run = rows[item.index];
              if (!run) return null;
              return (
                <div
                  key={item.key}
                  role="row"
                  aria-rowindex={item.index + 2}
                  aria-selected={chosen.has(run.id)}
                  data-focused={focused === item.index || undefined}
                  className="absolute inset-x-0 border-b hover:bg-sunken/60 aria-selected:bg-accent-tint data-focused:outline-2 data-focused:-outline-offset-2 data-focused:outline-accent"
                  style={{ height, transform: `translateY(${item.start}px)` }}
                >
                  {isWide ? <WideRow run={run} isChosen={chosen.has(run.id)} onToggle={() => toggle(run.id)} /> : <PhoneRow run={run} />}
                </div>
              );
            })}
          </div>
          {isFetchingMore ? <p role="status" className="p-2 text-center text-xs text-muted">Loading older runs…</p> : null}
        </div>
      </div>
    </div>
  );
}

const firstLine = (run: Run): string => run.task.trim().split("\n")[0] || run.id;
const stepWord = (run: Run): string => (hasEnded(run) ? run.error_code : run.current_step);

function WideRow({ run, isChosen, onToggle }: { run: Run; isChosen: boolean; onToggle: () => void }) {
  return (
    <div className={cn("grid h-full items-center gap-x-2 px-3", COLUMNS)}>
      <span role="cell"><input type="checkbox" aria-label={`Choose ${firstLine(run)}`} checked={isChosen} onChange={onToggle} /></span>
      <span role="cell"><Status status={run.status} /></span>
      <span role="cell" className="min-w-0"><Link to="/runs/$runId" params={{ runId: run.id }} className="block truncate font-medium hover:underline" title={firstLine(run)}>{firstLine(run)}</Link></span>
      <span role="cell" className={cn("truncate text-muted", ONLY_WIDE)} title={run.pipeline_id}>{run.pipeline_id}</span>
      <span role="cell" className="grid min-w-0 gap-1">
        <StepBar run={run} />
        {stepWord(run) ? <span className="truncate text-xs/3 text-muted" title={stepWord(run)}>{stepWord(run)}</span> : null}
      </span>
      <span role="cell" className={cn("min-w-0 truncate text-muted", ONLY_WIDE)}>{!hasEnded(run) && agentNow(run) ? <AgentChip id={agentNow(run)} /> : null}</span>
      <span role="cell" className="text-right text-muted"><Time at={run.created_at} /></span>
      <span role="cell" className="text-right text-muted"><Elapsed from={run.started_at} to={run.completed_at} /></span>
      <span role="cell" className="text-right text-muted">{run.cost_total === null ? "–" : <Money amount={run.cost_total} />}</span>
      <span role="cell" className={cn("text-right text-muted", ONLY_WIDE)}>{run.tokens_total > 0 ? count(run.tokens_total) : "–"}</span>
    </div>
  );
}

function PhoneRow({ run }: { run: Run }) {
  return (
    <span role="cell">
      <Link to="/runs/$runId" params={{ runId: run.id }} className="flex h-15 flex-col justify-center gap-0.5 px-3">
        <span className="flex items-center gap-2"><StatusMark status={run.status} /><span className="min-w-0 flex-1 truncate font-medium">{firstLine(run)}</span></span>
        <span className="flex gap-2 pl-6 text-xs text-muted"><span>{stateOf(run.status).word}</span><span className="min-w-0 flex-1 truncate">{run.pipeline_id}{stepWord(run) ? ` · ${stepWord(run)}` : ""}</span>{hasEnded(run) ? null : <StepBar run={run} className="w-12 self-center" />}<Time at={run.created_at} /></span>
      </Link>
    </span>
  );
}

const WIDE = "(min-width: 640px)";

function useWide(): boolean {
  const [isWide, setWide] = useState(() => matchMedia(WIDE).matches);
  useEffect(() => {
    const media = matchMedia(WIDE);
    const changed = (): void => setWide(media.matches);
    media.addEventListener("change", changed);
    return () => media.removeEventListener("change", changed);
  }, []);
  return isWide;
}

/** j, k: the next and previous row's link has the focus, so that Enter opens it; x chooses it. */
function useRowKeys(rows: readonly Run[], place: RefObject<HTMLElement | null>, show: (at: number) => void, toggle: (id: string) => void): number {
  const [at, setAt] = useState(-1);
  const move = (by: number): void => {
    const next = Math.max(0, Math.min(rows.length - 1, at + by));
    setAt(next);
    show(next);
    // The row may have to come into view first.
    requestAnimationFrame(() => place.current?.querySelector<HTMLElement>(`[aria-rowindex="${next + 2}"] a`)?.focus());
  };
  const run = rows[at];
  useKeymap("Runs", [
    { keys: "j", label: "Next row", run: () => move(1) },
    { keys: "k", label: "Previous row", run: () => move(-1) },
    { keys: "x", label: "Choose this row", run: () => run && toggle(run.id) },
  ]);
  return at;
}
