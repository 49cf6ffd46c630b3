import { useVirtualizer } from "@tanstack/react-virtual";
import { ArrowDown, ChevronDown, ChevronUp, CircleAlert, Download, Ellipsis, FileText, ListTree, Search } from "lucide-react";
import { lazy, Suspense, useEffect, useLayoutEffect, useMemo, useRef, useState, type ReactNode } from "react";

import { Button, IconButton } from "@/components/ui/button";
import { EmptyState } from "@/components/ui/empty-state";
import { Input, Select } from "@/components/ui/input";
import { Menu, MenuContent, MenuItem, MenuTrigger } from "@/components/ui/menu";
import { ProblemPanel } from "@/components/ui/problem-panel";
import { SkeletonRows } from "@/components/ui/skeleton";
import { useKeymap } from "@/hooks/use-keymap";

import type { SearchEverywhere } from "./everywhere";
import { FoldMemory } from "./fold";
import { type KindFilter, matchingRows, problemRows, type Row, RowBuilder, type RowFilter, rowOfEvent, rowOfText } from "./rows";
import { RowView, type SectionContext } from "./row-view";
import type { LiveTranscript } from "./use-transcript";

const Everywhere = lazy(() => import("./everywhere"));

/** Within this many pixels of the end, the end is followed. */
const FOLLOW_PX = 80;
const HEIGHTS: Record<Row["kind"], number> = {
  head: 52, text: 44, thinking: 40, tool: 42, group: 42, check: 42, note: 30, end: 60,
};

const KINDS: [KindFilter, string][] = [
  ["all", "Everything"], ["text", "Text"], ["tools", "Tools and checks"], ["problems", "Problems"], ["thinking", "Thinking"],
];

/** A section, or the row of an event, that shall come into view; a new object each time it is asked for. */
export type GoTo = { section: string } | { event: string; /** What is looked for there. */ text?: string };

interface ViewerProps {
  transcript: LiveTranscript;
  /** More may come. */
  isLive: boolean;
  /** For readers: whose output it is. */
  label: string;
  /** What is known of each section beside its events, by its key. */
  contexts: ReadonlyMap<string, SectionContext>;
  filter: RowFilter;
  onFilter: (change: Partial<RowFilter>) => void;
  /** More to filter by. */
  scope?: ReactNode;
  /** What stands there while nothing does. */
  empty: { title: string; text: string };
  goTo: GoTo | null;
  whole: WholeTranscript;
}

/** All of it, at the server. */
export interface WholeTranscript {
  id: string;
  search: SearchEverywhere;
  /** The address at which it is read as plain text; with `?as=events` its events. */
  address: string;
}

const EVERYTHING: RowFilter = { stepId: "", visit: null, kind: "all", thinking: true };

/** What happened, as it happens. */
export function TranscriptViewer({ transcript, isLive, label, contexts, filter, onFilter, scope, empty, goTo: asked, whole }: ViewerProps) {
  const [goTo, setGoTo] = useJump(asked);
  const [everywhere, setEverywhere] = useState(false);
  const [builder] = useState(() => new RowBuilder());
  const [memory] = useState(() => new Map<string, boolean>());
  const [query, setQuery] = useState("");
  const rows = useMemo(
    () => builder.rows(transcript.transcript, filter),
    // The transcript is one object that changes: its version says when.
    // eslint-disable-next-line react-hooks/exhaustive-deps
    [builder, transcript.transcript, transcript.version, filter],
  );
  const { setPlace, onScroll, toEnd, loadOlder, goToIndex, unseen, height, items, measure } = useList(rows, transcript, isLive, filter);
  useOlderUntil(filter.stepId === "" || rows.length > 0, transcript);
  const problems = useMemo(() => problemRows(rows), [rows]);
  const [problem, setProblem] = useState(-1);
  const hits = useMemo(() => matchingRows(rows, query), [rows, query]);
  const [hit, setHit] = useState(0);
  const shownHit = hits[Math.min(hit, hits.length - 1)];

  const show = (at: number): void => {
    const wanted = hits[(at + hits.length) % hits.length];
    if (wanted === undefined) return;
    setHit((at + hits.length) % hits.length);
    goToIndex(wanted);
  };

  const showProblem = (): void => {
    const next = (problem + 1) % problems.length;
    setProblem(next);
    goToIndex(problems[next] ?? 0);
  };
  const marked = useGoTo(goTo, rows, transcript, goToIndex);
  useKeymap("Output", [
    { keys: "f", label: "Follow the end", run: toEnd },
    ...(problems.length > 0 ? [{ keys: "e", label: "Next problem", run: showProblem }] : []),
  ]);

  return (
    <FoldMemory value={memory}>
      <div className="flex h-full min-h-0 flex-col">
        <div className="flex flex-wrap items-center gap-2 border-b px-3 py-2">
          <Select aria-label="What is shown" className="h-7 w-auto text-xs" value={filter.kind} onChange={(event) => onFilter({ kind: event.target.value as KindFilter })}>
            {KINDS.map(([kind, word]) => <option key={kind} value={kind}>{word}</option>)}
          </Select>
          {scope}
          <Button size="sm" look={filter.thinking ? "plain" : "quiet"} aria-pressed={filter.thinking} onClick={() => onFilter({ thinking: !filter.thinking })} title="Show thinking (t)">Thinking</Button>
          {problems.length > 0 ? (
            <Button size="sm" look="quiet" onClick={showProblem} title="Next problem (e)">
              <CircleAlert aria-hidden className="text-bad" />
              {problems.length === 1 ? "1 problem" : `${problems.length} problems`}
            </Button>
          ) : null}
          <div className="ml-auto flex items-center gap-1">
            <div className="relative">
              <Search aria-hidden className="absolute top-1/2 left-2 size-4 -translate-y-1/2 text-muted" />
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
                <span role="status" className="min-w-12 text-center text-xs text-muted" title={transcript.hasOlder ? "Of what is loaded: load what came before to search there." : undefined}>
                  {hits.length === 0 ? "none" : `${Math.min(hit, hits.length - 1) + 1} of ${hits.length}`}{transcript.hasOlder ? " loaded" : ""}
                </span>
                <IconButton label="Previous match" className="size-7" onClick={() => show(hit - 1)}><ChevronUp aria-hidden /></IconButton>
                <IconButton label="Next match" className="size-7" onClick={() => show(hit + 1)}><ChevronDown aria-hidden /></IconButton>
                <Button size="sm" look={everywhere ? "plain" : "quiet"} aria-expanded={everywhere} onClick={() => setEverywhere(!everywhere)} title="Every match, also in what is not loaded"><ListTree aria-hidden />All</Button>
              </>
            ) : null}
            <WholeMenu address={whole.address} />
          </div>
        </div>
        {query && everywhere ? (
          <div className="border-b bg-bg">
            <Suspense fallback={<p className="p-3 text-sm text-muted">Searching…</p>}>
              <Everywhere id={whole.id} query={query} search={whole.search} onPick={(event) => {
                onFilter(EVERYTHING);
                setGoTo({ event, text: query });
              }} />
            </Suspense>
          </div>
        ) : null}
        <div className="relative min-h-0 flex-1">
          <div
            ref={setPlace}
            onScroll={onScroll}
            role="log"
            aria-label={label}
            aria-live="off"
            data-testid="transcript"
            // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls must be reachable by keys
            tabIndex={0}
            className="absolute inset-0 overflow-y-auto [overflow-anchor:none] focus-visible:-outline-offset-2"
          >
            <Beginning transcript={transcript} onOlder={loadOlder} empty={rows.length === 0 ? empty : null} />
            <div className="relative" style={{ height }}>
              {items.map((item) => {
                const row = rows[item.index];
                if (!row) return null;
                return (
                  <div key={item.key} ref={measure} data-index={item.index} className="absolute inset-x-0 top-0" style={{ transform: `translateY(${item.start}px)` }}>
                    <RowView row={row} context={contexts.get(row.section.key)} isHit={(query !== "" && item.index === shownHit) || item.index === marked} />
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

/** The place that was asked for last: by the page, or by a choice here. */
function useJump(asked: GoTo | null): [GoTo | null, (goTo: GoTo) => void] {
  const [goTo, setGoTo] = useState(asked);
  const [seen, setSeen] = useState(asked);
  if (asked !== seen) {
    setSeen(asked);
    setGoTo(asked);
  }
  return [goTo, setGoTo];
}

function WholeMenu({ address }: { address: string }) {
  return (
    <Menu>
      <MenuTrigger asChild><IconButton label="The whole output" className="size-7"><Ellipsis aria-hidden /></IconButton></MenuTrigger>
      <MenuContent>
        <MenuItem asChild><a href={address} target="_blank" rel="noopener"><FileText aria-hidden />Open as plain text</a></MenuItem>
        <MenuItem asChild><a href={`${address}?as=events`} download><Download aria-hidden />Download the events</a></MenuItem>
      </MenuContent>
    </Menu>
  );
}

interface BeginningProps {
  transcript: LiveTranscript;
  onOlder: () => Promise<void>;
  empty: { title: string; text: string } | null;
}

function Beginning({ transcript, onOlder, empty }: BeginningProps) {
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
      {empty ? <div className="p-4"><EmptyState title={empty.title}>{empty.text}</EmptyState></div> : null}
    </>
  );
}

/** A step that lies before what is held is looked for there. */
function useOlderUntil(isFound: boolean, transcript: LiveTranscript): void {
  const { first, hasOlder, isLoading, loadOlder } = transcript;
  useEffect(() => {
    if (isFound || !hasOlder || isLoading) return;
    loadOlder().catch(() => undefined); // the button for it stays, and says why
  }, [isFound, first, hasOlder, isLoading, loadOlder]);
}

/** Brings what is asked for into view, once for each time, and gives back the row of an event. */
function useGoTo(goTo: GoTo | null, rows: readonly Row[], transcript: LiveTranscript, show: (at: number) => void): number {
  const done = useRef<GoTo | null>(null);
  const at = useMemo(() => {
    if (!goTo) return -1;
    if ("section" in goTo) return rows.findIndex((row) => row.section.key === goTo.section);
    return goTo.text ? rowOfText(rows, goTo.event, goTo.text) : rowOfEvent(rows, goTo.event);
  }, [goTo, rows]);
  const isBefore = goTo !== null && "event" in goTo && transcript.first !== null && Number(goTo.event) < Number(transcript.first);
  useEffect(() => {
    if (!goTo || done.current === goTo || transcript.isLoading) return;
    if (isBefore && transcript.hasOlder) {
      transcript.loadOlder().catch(() => undefined);
      return;
    }
    if (at < 0) return;
    done.current = goTo;
    show(at);
    // Again when more is held, not for each change of what is shown.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [goTo, at, isBefore, transcript.first, transcript.isLoading]);
  return goTo && "event" in goTo && !isBefore ? at : -1;
}

/** The virtual list: it follows its end while the reader is there, and counts what is new while not. */
function useList(rows: readonly Row[], transcript: LiveTranscript, isLive: boolean, filter: RowFilter) {
  const [place, setPlace] = useState<HTMLDivElement | null>(null);
  const following = useRef(true);
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
      seen.current = transcript.arrived;
    } else {
      setUnseen(transcript.arrived - seen.current);
    }
  }, [place, height, transcript.version, transcript.arrived]);

  // Of what has ended another choice is read from its beginning.
  const chosen = `${filter.stepId}/${filter.visit}/${filter.kind}`;
  const before = useRef(chosen);
  useLayoutEffect(() => {
    if (before.current === chosen) return;
    before.current = chosen;
    if (isLive && following.current) return;
    following.current = false;
    place?.scrollTo({ top: 0 });
  }, [chosen, isLive, place]);

  const isLoadingOlder = useRef(false);
  const onScroll = (): void => {
    if (!place) return;
    if (place.scrollTop < FOLLOW_PX && !following.current && transcript.hasOlder && !isLoadingOlder.current) {
      isLoadingOlder.current = true;
      loadOlder().catch(() => undefined).finally(() => {
        isLoadingOlder.current = false;
      });
    }
    following.current = place.scrollHeight - place.scrollTop - place.clientHeight < FOLLOW_PX;
    if (following.current) {
      seen.current = transcript.arrived;
      setUnseen(0);
    }
  };

  const toEnd = (): void => {
    following.current = true;
    setUnseen(0);
    seen.current = transcript.arrived;
    virtual.scrollToIndex(rows.length - 1, { align: "end" });
    place?.scrollTo({ top: place.scrollHeight });
  };

  // The reader stays at the same place while older rows come in above.
  const loadOlder = async (): Promise<void> => {
    const fromEnd = place ? place.scrollHeight - place.scrollTop : 0;
    following.current = false;
    await transcript.loadOlder();
    requestAnimationFrame(() => place?.scrollTo({ top: place.scrollHeight - fromEnd }));
  };

  const goToIndex = (at: number): void => {
    following.current = false;
    virtual.scrollToIndex(at, { align: "start" });
  };

  return { setPlace, onScroll, toEnd, loadOlder, goToIndex, unseen, height, items: virtual.getVirtualItems(), measure: virtual.measureElement };
}
