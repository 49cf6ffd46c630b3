import { useInfiniteQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";

import type { Schemas } from "@/api/client";
import { rowsOf } from "@/api/paging";
import { More } from "@/components/more";
import { ProblemPanel } from "@/components/ui/problem-panel";
import { SkeletonRows } from "@/components/ui/skeleton";
import { clock } from "@/lib/format";

import { plainText } from "./ansi";

export type Hit = Schemas["Hit"];
export type HitPage = Schemas["HitPage"];

/** Asks the server where a text stands in all of a transcript. */
export type SearchEverywhere = (query: string, after: number, signal: AbortSignal) => Promise<HitPage>;

const SETTLE_MS = 300;
const KIND_WORDS: Record<Hit["kind"], string> = {
  text: "text", thinking: "thinking", output: "output", call: "tool call", result: "result", check: "check", person: "a person", event: "event",
};

interface EverywhereProps {
  /** Of what transcript. */
  id: string;
  query: string;
  search: SearchEverywhere;
  onPick: (event: string) => void;
}

/** Every match in the whole transcript, also in what is not loaded. */
export default function Everywhere({ id, query, search, onPick }: EverywhereProps) {
  const [settled, setSettled] = useState(query);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(query), SETTLE_MS);
    return () => clearTimeout(timer);
  }, [query]);
  const found = useInfiniteQuery({
    queryKey: ["transcript-search", id, settled],
    initialPageParam: 0,
    queryFn: ({ pageParam, signal }) => search(settled, pageParam, signal),
    getNextPageParam: (last) => (last.next === null ? null : Number(last.next)),
    enabled: settled.length >= 2,
  });
  const hits = rowsOf(found.data);
  const { fetchNextPage, hasNextPage, isFetching } = found;
  // A part of a long transcript without a match is no end of the search.
  useEffect(() => {
    if (found.data && hits.length === 0 && hasNextPage && !isFetching) void fetchNextPage();
  }, [found.data, hits.length, hasNextPage, isFetching, fetchNextPage]);
  if (settled.length < 2) return <p className="p-3 text-sm text-muted">Write two letters at least.</p>;
  if (found.error) return <ProblemPanel problem={found.error} onRetry={() => void found.refetch()} className="m-3" />;
  if (!found.data || (hits.length === 0 && hasNextPage)) return <SkeletonRows rows={2} className="m-3" />;
  return (
    <div className="max-h-64 overflow-y-auto p-2">
      <p role="status" className="px-2 pb-1 text-xs text-muted">
        {hits.length === 0 ? "Nowhere in the whole output." : `${hits.length}${hasNextPage ? " and more" : ""} in the whole output`}
      </p>
      <ol aria-label="Matches in the whole output">
        {hits.map((hit, at) => (
          <li key={`${hit.event}/${hit.kind}/${at}`}>
            <button type="button" onClick={() => onPick(hit.event)} className="grid w-full gap-x-3 rounded-control px-2 py-1 text-left text-sm hover:bg-sunken touch:min-h-11">
              <span className="flex gap-2 text-xs text-muted"><span className="font-medium">{hit.step_id || "run"}</span><span>{KIND_WORDS[hit.kind]}</span><time dateTime={hit.ts} className="ml-auto">{clock(hit.ts)}</time></span>
              <span className="line-clamp-2 break-words">
                {plainText(hit.before)}<mark className="tone-accent rounded-[2px] bg-tone-tint font-medium text-text">{plainText(hit.match)}</mark>{plainText(hit.after)}
              </span>
            </button>
          </li>
        ))}
      </ol>
      <More query={found} what="matches" />
    </div>
  );
}
