import { useVirtualizer } from "@tanstack/react-virtual";
import { MessageSquare } from "lucide-react";
import { useContext, useMemo, useRef } from "react";

import { cn } from "@/lib/cn";

import type { Diff } from "../queries";
import { visible } from "@/components/transcript/ansi";
import { Fold } from "@/components/transcript/fold";
import { type DiffLine, type FilePatch, parsePatch } from "./parse-patch";
import { ReviewContext } from "./review";

const LINE_HEIGHT = 18;
const OPEN_FILES = 8;
const OPEN_LINES = 400;
const PLAIN_LINES = 200;

/** A difference file by file. Long ones are virtual; many files come folded. */
export function DiffView({ diff }: { diff: Diff }) {
  const patches = useMemo(() => new Map(parsePatch(diff.patch).map((file) => [file.path, file])), [diff.patch]);
  if (diff.files.length === 0) return <p className="text-sm text-muted">No file differs.</p>;
  return (
    <div className="grid gap-2">
      {diff.files.map((change) => (
        <FileDiff key={change.path} diff={diff} change={change} patch={patches.get(change.path)} startsOpen={diff.files.length <= OPEN_FILES} />
      ))}
      {diff.truncated ? <p className="text-sm text-muted">The difference is longer than what is shown here.</p> : null}
    </div>
  );
}

interface FileDiffProps {
  diff: Diff;
  change: Diff["files"][number];
  patch: FilePatch | undefined;
  startsOpen: boolean;
}

function FileDiff({ diff, change, patch, startsOpen }: FileDiffProps) {
  const lines = useMemo(() => diffLines(patch), [patch]);
  return (
    <Fold
      id={`diff/${diff.base}/${diff.hash}/${change.path}`}
      startsOpen={startsOpen && lines.length <= OPEN_LINES}
      className="rounded-card border bg-surface [&>div]:p-0!"
      summary={
        <>
          <span className="min-w-0 flex-1 truncate font-mono text-code" title={change.path}>{visible(change.path)}</span>
          <ChangeNumbers change={change} />
        </>
      }
    >
      {() => (lines.length > 0 ? <Lines lines={lines} path={change.path} /> : (
        <p className="px-3 pb-2 text-sm text-muted">{patch?.binary ? "A binary file." : change.status === "renamed" ? `Renamed from ${change.old_path}.` : "No lines to show."}</p>
      ))}
    </Fold>
  );
}

export function ChangeNumbers({ change }: { change: { additions: number | null; deletions: number | null; status?: string } }) {
  if (change.additions === null) return <span className="shrink-0 text-xs text-muted">binary</span>;
  return (
    <span className="shrink-0 font-mono text-xs">
      {change.status && change.status !== "modified" ? <span className="mr-2 text-muted">{change.status}</span> : null}
      <span className="text-ok">+{change.additions}</span> <span className="text-bad">−{change.deletions}</span>
    </span>
  );
}

type ShownLine = DiffLine | { kind: "hunk"; old: null; new: null; text: string };

function diffLines(patch: FilePatch | undefined): ShownLine[] {
  return (patch?.hunks ?? []).flatMap((hunk): ShownLine[] => [
    { kind: "hunk", old: null, new: null, text: hunk.header || "⋯" },
    ...hunk.lines,
  ]);
}

const MARKS: Record<ShownLine["kind"], string> = { added: "+", removed: "−", same: " ", note: " ", hunk: " " };
const LOOKS: Record<ShownLine["kind"], string> = {
  added: "tone-ok bg-tone-tint", removed: "tone-bad bg-tone-tint", same: "", note: "text-muted italic", hunk: "bg-sunken text-muted",
};

function Lines({ lines, path }: { lines: ShownLine[]; path: string }) {
  const place = useRef<HTMLDivElement>(null);
  const isLong = lines.length > PLAIN_LINES;
  // eslint-disable-next-line react-hooks/incompatible-library -- the list is not memoised by a compiler
  const rows = useVirtualizer({
    count: isLong ? lines.length : 0, getScrollElement: () => place.current, estimateSize: () => LINE_HEIGHT, overscan: 20,
  });
  return (
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls must be reachable by keys
    <div ref={place} tabIndex={0} role="group" aria-label={`Difference of ${path}`} className={cn("overflow-auto border-t font-mono text-code", isLong && "h-[60vh]")}>
      {isLong ? (
        <div className="relative min-w-max" style={{ height: rows.getTotalSize() }}>
          {rows.getVirtualItems().map((row) => {
            const line = lines[row.index];
            return line ? <div key={row.key} className="absolute inset-x-0" style={{ transform: `translateY(${row.start}px)` }}><LineRow line={line} path={path} /></div> : null;
          })}
        </div>
      ) : <div className="min-w-max">{lines.map((line, at) => <LineRow key={at} line={line} path={path} />)}</div>}
    </div>
  );
}

function LineRow({ line, path }: { line: ShownLine; path: string }) {
  const review = useContext(ReviewContext);
  const number = line.new ?? line.old;
  const removed = line.kind === "removed";
  const has = review?.comments.some((each) => each.path === path && each.line === number && each.removed === removed) ?? false;
  return (
    <div className={cn("group/line flex h-[18px] whitespace-pre", LOOKS[line.kind])}>
      <span className="w-11 shrink-0 pr-2 text-right text-muted select-none">{line.old ?? ""}</span>
      <span className="w-11 shrink-0 pr-2 text-right text-muted select-none">{line.new ?? ""}</span>
      {review ? (
        <span className="w-5 shrink-0">
          {number === null ? null : (
            <button
              type="button"
              aria-label={`Comment on ${removed ? "removed " : ""}line ${number}${has ? ", commented" : ""}`}
              onClick={() => review.ask({ path, line: number, removed, quote: line.text })}
              className={cn("flex size-[18px] items-center justify-center rounded-[4px] text-accent hover:bg-accent-tint focus-visible:opacity-100 group-hover/line:opacity-100 touch:opacity-60", has ? "opacity-100" : "opacity-0")}
            >
              <MessageSquare aria-hidden className={cn("size-3.5", has && "fill-current")} />
            </button>
          )}
        </span>
      ) : null}
      <span className="w-4 shrink-0 select-none" aria-label={line.kind === "added" ? "added" : removed ? "removed" : undefined} role={line.kind === "added" || removed ? "img" : undefined}>{MARKS[line.kind]}</span>
      <span className="pr-4">{visible(line.text.slice(0, 2000))}</span>
    </div>
  );
}
