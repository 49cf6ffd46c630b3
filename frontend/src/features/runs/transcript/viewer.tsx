import { useVirtualizer } from "@tanstack/react-virtual";
import { ArrowDown, ChevronDown, ChevronUp, Search } from "lucide-react";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";

import { Button, IconButton } from "@/components/ui/button";
import { EmptyState } from "@/components/ui/empty-state";
import { Input, Select } from "@/components/ui/input";
import { ProblemPanel } from "@/components/ui/problem-panel";
import { SkeletonRows } from "@/components/ui/skeleton";

import { usePageKeys } from "../page-keys";
import type { RunDetail } from "../queries";
import { hasEnded, shownStatus } from "../states";
import { FoldMemory } from "./fold";
import { sectionKey } from "./model";
import { type KindFilter, matchingRows, type Row, RowBuilder, type RowFilter } from "./rows";
import { RowView, type SectionContext } from "./row-view";
import type { LiveTranscript } from "./use-transcript";

/** Within this many pixels of the end, the end is followed. */
const FOLLOW_PX = 80;
const HEIGHTS: Record<Row["kind"], number> = {
  head: 52, text: 44, thinking: 40, tool: 42, group: 42, check: 42, note: 30, end: 60,
};

const KINDS: [KindFilter, string][] = [
  ["all", "Everything"], ["text", "Text"], ["tools", "Tools and checks"], ["problems", "Problems"], ["thinking", "Thinking"],
];

interface ViewerProps {
  run: RunDetail;
  transcript: LiveTranscript;
  filter: RowFilter;
  onFilter: (change: Partial<RowFilter>) => void;
  onCommit: (hash: string) => void;
  /** A section that shall come into view; a new object each time it is asked for. */
  goTo: { key: string } | null;
}

/** What happened, as it happens. */
export function TranscriptViewer({ run, transcript, filter, onFilter, onCommit, goTo }: ViewerProps) {
  const [builder] = useState(() => new RowBuilder());
  const [memory] = useState(() => new Map<string, boolean>());
  const [query, setQuery] = useState("");
  const rows = useMemo(
    () => builder.rows(transcript.transcript, filter),
    // The transcript is one object that changes: its version says when.
    // eslint-disable-next-line react-hooks/exhaustive-deps
    [builder, transcript.transcript, transcript.version, filter],
  );
  const contexts = useContexts(run, onCommit);
  const { setPlace, onScroll, toEnd, loadOlder, goToIndex, unseen, height, items, measure } = useList(rows, transcript, !hasEnded(run));
  const hits = useMemo(() => matchingRows(rows, query), [rows, query]);
  const [hit, setHit] = useState(0);
  const shownHit = hits[Math.min(hit, hits.length - 1)];

  const show = (at: number): void => {
    const wanted = hits[(at + hits.length) % hits.length];
    if (wanted === undefined) return;
    setHit((at + hits.length) % hits.length);
    goToIndex(wanted);
  };

  useEffect(() => {
    if (!goTo) return;
    const at = rows.findIndex((row) => row.section.key === goTo.key);
    if (at >= 0) goToIndex(at);
    // Only when somebody asks: not for each new row.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [goTo]);

  return (
    <FoldMemory value={memory}>
      <div className="flex h-full min-h-0 flex-col">
        <div className="flex flex-wrap items-center gap-2 border-b px-3 py-2">
          <Select aria-label="What is shown" className="h-7 w-40 text-xs" value={filter.kind} onChange={(event) => onFilter({ kind: event.target.value as KindFilter })}>
            {KINDS.map(([kind, word]) => <option key={kind} value={kind}>{word}</option>)}
          </Select>
          <VisitFilter run={run} filter={filter} onFilter={onFilter} />
          <Button size="sm" look={filter.thinking ? "plain" : "quiet"} aria-pressed={filter.thinking} onClick={() => onFilter({ thinking: !filter.thinking })} title="Show thinking (t)">Thinking</Button>
          <div className="ml-auto flex items-center gap-1">
            <div className="relative">
              <Search aria-hidden className="absolute top-1.5 left-2 size-4 text-muted" />
              <Input
                type="search"
                aria-label="Search in the output"
                placeholder="Search"
                data-page-search=""
                className="h-7 w-36 pl-7 text-xs sm:w-44"
                value={query}
                onChange={(event) => {
                  setQuery(event.target.value);
                  setHit(0);
                }}
                onKeyDown={(event) => {
                  if (event.key === "Enter") show(query && shownHit !== undefined ? hit + (event.shiftKey ? -1 : 1) : 0);
                }}
              />
            </div>
            {query ? (
              <>
                <span role="status" className="min-w-12 text-center text-xs text-muted">{hits.length === 0 ? "none" : `${Math.min(hit, hits.length - 1) + 1} of ${hits.length}`}</span>
                <IconButton label="Previous match" className="size-7" onClick={() => show(hit - 1)}><ChevronUp aria-hidden /></IconButton>
                <IconButton label="Next match" className="size-7" onClick={() => show(hit + 1)}><ChevronDown aria-hidden /></IconButton>
              </>
            ) : null}
          </div>
        </div>
        <div className="relative min-h-0 flex-1">
          <div
            ref={setPlace}
            onScroll={onScroll}
            role="log"
            aria-label="Output of the run"
            aria-live="off"
            data-testid="transcript"
            // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls must be reachable by keys
            tabIndex={0}
            className="absolute inset-0 overflow-y-auto [overflow-anchor:none] focus-visible:-outline-offset-2"
          >
            <Beginning transcript={transcript} onOlder={loadOlder} isEmpty={rows.length === 0} run={run} stepId={filter.stepId} />
            <div className="relative" style={{ height }}>
              {items.map((item) => {
                const row = rows[item.index];
                if (!row) return null;
                return (
                  <div key={item.key} ref={measure} data-index={item.index} className="absolute inset-x-0 top-0" style={{ transform: `translateY(${item.start}px)` }}>
                    <RowView row={row} context={contexts.get(row.section.key)} isHit={query !== "" && item.index === shownHit} />
                  </div>
                );
              })}
            </div>
          </div>
          {unseen > 0 ? (
            <Button size="sm" look="primary" className="absolute bottom-3 left-1/2 -translate-x-1/2 rounded-full shadow-float" onClick={toEnd}>
              <ArrowDown aria-hidden />
              {unseen} new
            </Button>
          ) : null}
        </div>
      </div>
    </FoldMemory>
  );
}

function VisitFilter({ run, filter, onFilter }: Pick<ViewerProps, "run" | "filter" | "onFilter">) {
  if (!filter.stepId) return null;
  const visits = new Set(run.executions.filter((row) => row.step_id === filter.stepId).map((row) => row.visit));
  return (
    <span className="flex items-center gap-1">
      <Button size="sm" onClick={() => onFilter({ stepId: "", visit: null })} title="Show all steps">{filter.stepId} ✕</Button>
      {visits.size > 1 ? (
        <Select aria-label="Visit" className="h-7 w-28 text-xs" value={filter.visit ?? ""} onChange={(event) => onFilter({ visit: event.target.value ? Number(event.target.value) : null })}>
          <option value="">All visits</option>
          {[...visits].map((visit) => <option key={visit} value={visit}>Visit {visit}</option>)}
        </Select>
      ) : null}
    </span>
  );
}

interface BeginningProps {
  transcript: LiveTranscript;
  onOlder: () => Promise<void>;
  isEmpty: boolean;
  run: RunDetail;
  stepId: string;
}

function Beginning({ transcript, onOlder, isEmpty, run, stepId }: BeginningProps) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  if (transcript.error) return <ProblemPanel problem={transcript.error} onRetry={transcript.reload} className="m-4" />;
  if (transcript.isLoading) return <SkeletonRows rows={5} className="m-4" />;
  const load = async (): Promise<void> => {
    setBusy(true);
    setError(null);
    try {
      await onOlder();
    } catch (reason) {
      setError(reason);
    } finally {
      setBusy(false);
    }
  };
  return (
    <>
      {error ? <ProblemPanel problem={error} className="m-4" /> : null}
      {transcript.hasOlder ? (
        <div className="p-3 text-center"><Button size="sm" busy={busy} onClick={() => void load()}>Load what came before</Button></div>
      ) : null}
      {isEmpty ? (
        <div className="p-4">
          <EmptyState title={stepId ? `Nothing of ${stepId} here` : "Nothing yet"}>
            {stepId ? "No route has led to this step yet, or nothing of it passes the filter."
              : hasEnded(run) ? "No step of this run has begun." : "The agents' work appears here as it happens."}
          </EmptyState>
        </div>
      ) : null}
    </>
  );
}

/** What the snapshot says of each section. The query cache keeps executions that have not changed. */
function useContexts(run: RunDetail, onCommit: (hash: string) => void): Map<string, SectionContext> {
  return useMemo(
    () => new Map(run.executions.map((execution) => [
      sectionKey(execution.step_id, execution.visit, execution.attempt),
      { execution, status: shownStatus(execution, run), onCommit },
    ])),
    [run, onCommit],
  );
}

/** The virtual list: it follows its end while the reader is there, and counts what is new while not. */
function useList(rows: readonly Row[], transcript: LiveTranscript, isLive: boolean) {
  const [place, setPlace] = useState<HTMLDivElement | null>(null);
  const following = useRef(isLive);
  const seen = useRef(0);
  const [unseen, setUnseen] = useState(0);
  // eslint-disable-next-line react-hooks/incompatible-library -- the list is not memoised by a compiler
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => place,
    estimateSize: (at) => HEIGHTS[rows[at]?.kind ?? "text"],
    getItemKey: (at) => rows[at]?.key ?? at,
    overscan: 10,
  });
  const height = virtual.getTotalSize();

  useLayoutEffect(() => {
    if (!place) return;
    if (following.current) {
      place.scrollTo({ top: place.scrollHeight });
      seen.current = transcript.count;
    } else if (isLive) {
      setUnseen(Math.max(0, transcript.count - seen.current));
    }
  }, [place, height, transcript.version, transcript.count, isLive]);

  const onScroll = (): void => {
    if (!place) return;
    following.current = isLive && place.scrollHeight - place.scrollTop - place.clientHeight < FOLLOW_PX;
    if (following.current) {
      seen.current = transcript.count;
      setUnseen(0);
    } else if (seen.current === 0) {
      seen.current = transcript.count;
    }
  };

  const toEnd = (): void => {
    following.current = true;
    setUnseen(0);
    seen.current = transcript.count;
    virtual.scrollToIndex(rows.length - 1, { align: "end" });
    place?.scrollTo({ top: place.scrollHeight });
  };

  // The reader stays at the same place while older rows come in above.
  const loadOlder = async (): Promise<void> => {
    const fromEnd = place ? place.scrollHeight - place.scrollTop : 0;
    const before = transcript.count;
    following.current = false;
    await transcript.loadOlder();
    requestAnimationFrame(() => {
      place?.scrollTo({ top: place.scrollHeight - fromEnd });
      seen.current += Math.max(0, transcript.count - before);
    });
  };

  const goToIndex = (at: number): void => {
    following.current = false;
    virtual.scrollToIndex(at, { align: "start" });
  };

  usePageKeys({ f: toEnd });

  return { setPlace, onScroll, toEnd, loadOlder, goToIndex, unseen, height, items: virtual.getVirtualItems(), measure: virtual.measureElement };
}
