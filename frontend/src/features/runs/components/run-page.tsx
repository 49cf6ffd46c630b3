import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { List, Workflow } from "lucide-react";
import { lazy, Suspense, useCallback, useMemo, useState, type ReactNode } from "react";

import { isProblem } from "@/api/problem";
import { StepList } from "@/components/step-graph/step-list";
import { Button, IconButton } from "@/components/ui/button";
import { NotFound, ProblemPanel } from "@/components/ui/problem-panel";
import { Page } from "@/components/ui/page-header";
import { Skeleton, SkeletonRows } from "@/components/ui/skeleton";
import { Tab, TabList, TabPanel, Tabs } from "@/components/ui/tabs";
import type { RowFilter } from "@/components/transcript/rows";
import type { GoTo } from "@/components/transcript/viewer";
import { useKeymap } from "@/hooks/use-keymap";
import { useNow } from "@/hooks/use-now";
import { cn } from "@/lib/cn";

import { runGraphQuery, runQuery, type RunDetail, type RunGraph } from "../queries";
import type { RunSearch } from "../search";
import { controls, hasEnded, openApproval, stepFacts, takenRoutes } from "../states";
import { useRunTranscript } from "../use-run-transcript";
import { type RunAction, useRunActions } from "./run-actions";
import { RunBanners, SteerBox } from "./run-banners";
import { RunHeader } from "./run-header";
import { RunOutput } from "./run-output";

const ChangesTab = lazy(() => import("./changes-tab").then((module) => ({ default: module.ChangesTab })));
const FilesTab = lazy(() => import("./files-tab").then((module) => ({ default: module.FilesTab })));
const Timeline = lazy(() => import("./timeline").then((module) => ({ default: module.Timeline })));
const CallTable = lazy(() => import("@/components/call-table").then((module) => ({ default: module.CallTable })));
const facts = () => import("./facts-tabs");
const ChecksTab = lazy(() => facts().then((module) => ({ default: module.ChecksTab })));
const OutputsTab = lazy(() => facts().then((module) => ({ default: module.OutputsTab })));
const CostTab = lazy(() => facts().then((module) => ({ default: module.CostTab })));
const ContainerTab = lazy(() => facts().then((module) => ({ default: module.ContainerTab })));
const DetailsTab = lazy(() => facts().then((module) => ({ default: module.DetailsTab })));
const StepGraph = lazy(() => import("@/components/step-graph/step-graph").then((module) => ({ default: module.StepGraph })));

const TABS = [
  ["changes", "Changes"], ["timeline", "Timeline"], ["checks", "Checks"], ["outputs", "Outputs"], ["cost", "Cost"],
  ["calls", "LLM calls"], ["files", "Files"], ["container", "Container"], ["details", "Details"],
] as const;

interface RunPageProps {
  runId: string;
  search: RunSearch;
}

/** One run: what happens, why, and what can be done about it. */
export function RunPage({ runId, search }: RunPageProps) {
  const run = useQuery(runQuery(runId));
  if (run.error && !run.data) {
    if (isProblem(run.error) && run.error.isMissing) return <NotFound what="run" />;
    return <Page><ProblemPanel problem={run.error} onRetry={() => void run.refetch()} /></Page>;
  }
  if (!run.data) return <Page><Skeleton className="mb-4 h-7 w-1/2" /><SkeletonRows rows={8} /></Page>;
  return <LoadedRun key={runId} run={run.data} search={search} />;
}

function LoadedRun({ run, search }: { run: RunDetail; search: RunSearch }) {
  const graph = useQuery(runGraphQuery(run.id));
  const transcript = useRunTranscript(run.id);
  const { act, dialog } = useRunActions(run);
  const { filter, setSearch, setFilter } = useRunSearch(search);
  const [goTo, setGoTo] = useState<GoTo | null>(() => {
    const event = search.event ?? search.at;
    return event === undefined ? null : { event: String(event) };
  });
  useRunKeys(run, act, search, setSearch, graph.data);

  const onStep = useCallback((stepId: string): void => {
    setSearch({ step: search.step === stepId ? undefined : stepId, visit: undefined, view: "output" });
  }, [search.step, setSearch]);
  const onCommit = useCallback((hash: string): void => setSearch({ tab: "changes", commit: hash, view: "side" }), [setSearch]);
  const onSection = (key: string): void => {
    setSearch({ step: undefined, visit: undefined, view: "output" });
    setGoTo({ section: key });
  };
  const onAt = (at: number | undefined): void => {
    setSearch({ at });
    setGoTo(at === undefined ? null : { event: String(at) });
  };
  const views: [NonNullable<RunSearch["view"]>, string][] = [["output", "Output"], ["steps", "Steps"], ["side", "More"]];
  const view = search.view ?? "output";
  return (
    <div className="flex min-h-0 flex-col p-4 pb-0 sm:px-6 lg:h-[calc(100dvh-48px)]">
      <RunHeader run={run} onAction={act} />
      <RunBanners run={run} onAction={act} />
      <div role="group" aria-label="View" className="mt-3 flex gap-1 lg:hidden">
        {views.map(([name, word]) => <Button key={name} look={view === name ? "primary" : "plain"} aria-pressed={view === name} onClick={() => setSearch({ view: name })}>{word}</Button>)}
      </div>
      <div className="mt-3 grid min-h-0 flex-1 gap-4 pb-4 lg:grid-cols-[minmax(260px,23%)_minmax(0,1fr)_minmax(320px,30%)]">
        <div className={cn("min-h-0 overflow-hidden rounded-card border bg-surface max-lg:hidden", view === "steps" && "max-lg:block")}>
          <Steps run={run} graph={graph.data} error={graph.error} selected={search.step ?? ""} onSelect={onStep} asList={search.steps === "list"} onMode={(steps) => setSearch({ steps })} />
        </div>
        <section aria-label="Output" className={cn("flex min-h-0 flex-col overflow-hidden rounded-card border bg-surface max-lg:hidden max-lg:h-[70dvh]", view === "output" && "max-lg:flex")}>
          <div className="min-h-0 flex-1">
            <RunOutput run={run} transcript={transcript} filter={filter} onFilter={setFilter} onCommit={onCommit} goTo={goTo} at={search.at === undefined ? null : String(search.at)} onNow={() => onAt(undefined)} />
          </div>
          <SteerBox run={run} />
        </section>
        <div className={cn("min-h-0 rounded-card border bg-surface max-lg:hidden", view === "side" && "max-lg:block")}>
          <SideTabs run={run} search={search} setSearch={setSearch} onCommit={onCommit} onSection={onSection} onAt={onAt} act={act} />
        </div>
      </div>
      {dialog}
    </div>
  );
}

interface StepsProps {
  run: RunDetail;
  graph: RunGraph | undefined;
  error: unknown;
  selected: string;
  onSelect: (step: string) => void;
  asList: boolean;
  onMode: (mode: "list" | undefined) => void;
}

function Steps({ run, graph, error, selected, onSelect, asList, onMode }: StepsProps) {
  const now = useNow(!hasEnded(run));
  const steps = useMemo(() => (graph ? stepFacts(run, graph, now) : []), [run, graph, now]);
  const taken = useMemo(() => (graph ? takenRoutes(graph) : new Set<string>()), [graph]);
  if (error && !graph) return <ProblemPanel problem={error} className="m-3" />;
  if (!graph) return <SkeletonRows rows={5} className="m-3" />;
  return (
    <div className="flex h-full flex-col">
      <div className="flex shrink-0 items-center justify-between border-b py-1 pr-1 pl-3">
        <h2 className="text-sm font-semibold">Steps</h2>
        <IconButton label={asList ? "Show as graph" : "Show as list"} onClick={() => onMode(asList ? undefined : "list")}>{asList ? <Workflow aria-hidden /> : <List aria-hidden />}</IconButton>
      </div>
      {asList ? <div className="min-h-0 flex-1 overflow-y-auto p-2"><StepList steps={steps} edges={graph.edges} taken={taken} selected={selected} onSelect={onSelect} /></div> : (
        <Suspense fallback={<SkeletonRows rows={4} className="m-3" />}>
          <StepGraph shape="column" steps={steps} edges={graph.edges} taken={taken} selected={selected} onSelect={onSelect} className="h-[60dvh] lg:h-auto lg:min-h-0 lg:flex-1" />
        </Suspense>
      )}
    </div>
  );
}

interface SideProps {
  run: RunDetail;
  search: RunSearch;
  setSearch: (change: Partial<RunSearch>) => void;
  onCommit: (hash: string) => void;
  onSection: (key: string) => void;
  onAt: (event: number | undefined) => void;
  act: (action: RunAction) => void;
}

function SideTabs({ run, search, setSearch, onCommit, onSection, onAt, act }: SideProps) {
  const tab = search.tab ?? "changes";
  const panels: Record<(typeof TABS)[number][0], () => ReactNode> = {
    changes: () => <ChangesTab run={run} shown={search.commit ?? null} onShow={(commit) => setSearch({ commit: commit ?? undefined })} onAction={act} />,
    timeline: () => <Timeline run={run} onSelect={onSection} at={search.at} onAt={onAt} onFork={(step, visit) => act({ kind: "fork", step, visit })} />,
    checks: () => <ChecksTab run={run} />,
    outputs: () => <OutputsTab run={run} />,
    cost: () => <CostTab run={run} />,
    calls: () => <CallTable ask={{ run_id: run.id }} />,
    files: () => <FilesTab run={run} onCommit={onCommit} onChanges={() => onCommit("")} />,
    container: () => <ContainerTab run={run} stepId={search.step ?? ""} />,
    details: () => <DetailsTab run={run} />,
  };
  return (
    <Tabs value={tab} onValueChange={(value) => setSearch({ tab: value as RunSearch["tab"] })} className="flex h-full min-h-0 flex-col">
      <TabList aria-label="About the run" className="shrink-0 flex-wrap px-1 pb-px [&>button]:h-8">{TABS.map(([name, word]) => <Tab key={name} value={name}>{word}</Tab>)}</TabList>
      <TabPanel value={tab} className="min-h-0 flex-1 overflow-y-auto p-3"><Suspense fallback={<SkeletonRows rows={4} />}>{panels[tab]()}</Suspense></TabPanel>
    </Tabs>
  );
}

/** The filter stands in the address; so does each tab and selection. */
function useRunSearch(search: RunSearch) {
  const navigate = useNavigate({ from: "/runs/$runId" });
  const setSearch = useCallback((change: Partial<RunSearch>): void => {
    void navigate({ to: ".", search: (before) => ({ ...before, ...change }), replace: true, resetScroll: false });
  }, [navigate]);
  const filter = useMemo((): RowFilter => ({
    stepId: search.step ?? "", visit: search.visit ?? null, kind: search.kind ?? "all", thinking: search.thinking ?? true,
  }), [search.step, search.visit, search.kind, search.thinking]);
  const setFilter = useCallback((change: Partial<RowFilter>): void => {
    const next: Partial<RunSearch> = {};
    if (change.stepId !== undefined) next.step = change.stepId || undefined;
    if (change.visit !== undefined) next.visit = change.visit ?? undefined;
    if (change.kind !== undefined) next.kind = change.kind === "all" ? undefined : change.kind;
    if (change.thinking !== undefined) next.thinking = change.thinking ? undefined : false;
    setSearch(next);
  }, [setSearch]);
  return { filter, setSearch, setFilter };
}

function useRunKeys(run: RunDetail, act: (action: RunAction) => void, search: RunSearch, setSearch: (change: Partial<RunSearch>) => void, graph: RunGraph | undefined): void {
  const move = (by: number): void => {
    const steps = graph?.nodes.map((node) => node.step_id) ?? [];
    const at = steps.indexOf(search.step ?? "");
    setSearch({ step: steps[(at + by + steps.length) % steps.length], visit: undefined });
  };
  const may = controls(run);
  const keys: [keys: string, label: string, holds: boolean, run: () => void][] = [
    ["s", "Stop the run", may.stop, () => act({ kind: "stop" })],
    ["p", may.resume ? "Resume the run" : "Pause the run", may.pause || may.resume, () => act({ kind: may.pause ? "pause" : "resume" })],
    ["h", "Tell the agent something", may.steer, () => act({ kind: "steer" })],
    ["a", "Decide on the approval", openApproval(run) !== undefined, () => act({ kind: "approve" })],
    ["d", "All changes of the run", true, () => setSearch({ tab: "changes", commit: "", view: "side" })],
    ["t", "Show or hide thinking", true, () => setSearch({ thinking: search.thinking === false ? undefined : false })],
    ["[", "Previous step", true, () => move(-1)],
    ["]", "Next step", true, () => move(1)],
  ];
  useKeymap("Run", keys.filter(([, , holds]) => holds).map(([name, label, , run]) => ({ keys: name, label, run })));
}
