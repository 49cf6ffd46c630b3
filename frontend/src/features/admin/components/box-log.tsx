import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useRef, useState } from "react";

import { Pick } from "@/components/pick";
import { Button } from "@/components/ui/button";
import { Input } from "@/components/ui/input";
import { Status } from "@/components/ui/status";
import { cn } from "@/lib/cn";
import { count } from "@/lib/format";

import { useBoxLog } from "../hooks/use-box-log";
import { shownLines, type Level } from "../logs";

const STATES = { connecting: ["starting", "Connecting"], live: ["running", "Live"], cut: ["paused", "Cut, tries again"], ended: ["completed", "The box has ended"] } as const;
const COLOURS = { info: "", warning: "text-warn", error: "text-bad" };
const LINE_PX = 18;
const FOLLOW_PX = 80;

/** Of any length: only the lines in view are drawn. It follows its end until one scrolls up. */
export function BoxLog({ containerId }: { containerId: number }) {
  const { lines, state } = useBoxLog(containerId);
  const [level, setLevel] = useState<Level>("all");
  const [search, setSearch] = useState("");
  const [follows, setFollows] = useState(true);
  const place = useRef<HTMLDivElement>(null);
  const shown = shownLines(lines, level, search);
  const [mark, word] = STATES[state];
  // eslint-disable-next-line react-hooks/incompatible-library -- the list is not memoised by a compiler
  const virtual = useVirtualizer({
    count: shown.length,
    getScrollElement: () => place.current,
    estimateSize: () => LINE_PX,
    overscan: 20,
  });
  useEffect(() => {
    if (follows && place.current) place.current.scrollTop = place.current.scrollHeight;
  }, [follows, shown.length]);
  return (
    <div className="grid gap-2">
      <div className="flex flex-wrap items-center gap-2">
        <Pick label="Level" value={level} options={{ all: "Every level", warning: "Warnings and errors", error: "Errors" }} onChange={setLevel} />
        <Input type="search" aria-label="Find in the log" placeholder="Find" className="w-40" value={search} onChange={(event) => setSearch(event.target.value)} />
        <Status status={mark} className="text-sm">{word}</Status>
        <span className="text-xs text-muted">{count(shown.length)} lines</span>
        {follows ? null : (
          <Button size="sm" onClick={() => setFollows(true)}>
            Follow
          </Button>
        )}
      </div>
      <div
        ref={place}
        role="log"
        aria-live="off"
        aria-label="Log of the box"
        // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls must be reachable by keys
        tabIndex={0}
        className="h-[60vh] overflow-auto rounded-card border bg-sunken p-2 font-mono text-code"
        onScroll={({ currentTarget: at }) => setFollows(at.scrollHeight - at.scrollTop - at.clientHeight < FOLLOW_PX)}
      >
        {shown.length === 0 ? <p className="font-sans text-sm text-muted">No line to show.</p> : null}
        <div className="relative" style={{ height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map((item) => {
            const line = shown[item.index];
            return line ? (
              <div
                key={line.key}
                className={cn("absolute inset-x-0 top-0 h-4.5 whitespace-pre", COLOURS[line.level])}
                style={{ transform: `translateY(${item.start}px)` }}
              >
                {line.text}
              </div>
            ) : null;
          })}
        </div>
      </div>
    </div>
  );
}
