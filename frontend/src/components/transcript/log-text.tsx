import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useMemo, useRef } from "react";

import { cn } from "@/lib/cn";

import { ansiSpans } from "./ansi";

const LINE_HEIGHT = 18;
const PLAIN_LINES = 60;
const LONG_LINE = 2000;

function Line({ text }: { text: string }) {
  return ansiSpans(text).map((span, at) =>
    span.className ? <span key={at} className={span.className}>{span.text}</span> : span.text);
}

/** Lines too long for a browser to lay out are folded. */
function linesOf(text: string): string[] {
  return text.replace(/\n$/, "").split("\n").flatMap((line) =>
    line.length <= LONG_LINE ? [line] : line.match(/[^]{1,2000}/g) ?? []);
}

interface LogTextProps {
  text: string;
  /** For readers. */
  label: string;
  /** Stay at the end while text comes in. */
  tail?: boolean;
  className?: string;
}

/** Output of a program. Long output is virtual: only the lines in view exist. */
export function LogText({ text, label, tail = false, className }: LogTextProps) {
  const lines = useMemo(() => linesOf(text), [text]);
  const place = useRef<HTMLDivElement>(null);
  const isLong = lines.length > PLAIN_LINES;
  // eslint-disable-next-line react-hooks/incompatible-library -- the list is not memoised by a compiler
  const rows = useVirtualizer({
    count: isLong ? lines.length : 0,
    getScrollElement: () => place.current,
    estimateSize: () => LINE_HEIGHT,
    overscan: 20,
  });
  useEffect(() => {
    if (tail && place.current) place.current.scrollTop = place.current.scrollHeight;
  }, [tail, text]);
  const box = cn("rounded-control bg-sunken p-2.5 font-mono text-code", className);
  if (!isLong) {
    return (
      // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls must be reachable by keys
      <div ref={place} tabIndex={0} role="group" aria-label={label} className={cn(box, "max-h-96 overflow-auto whitespace-pre-wrap break-words")}>
        {lines.map((line, at) => <div key={at} className="min-h-[18px]"><Line text={line} /></div>)}
      </div>
    );
  }
  return (
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls must be reachable by keys
    <div ref={place} tabIndex={0} role="group" aria-label={`${label}, ${lines.length} lines`} className={cn(box, "h-96 overflow-auto")}>
      <div className="relative" style={{ height: rows.getTotalSize() }}>
        {rows.getVirtualItems().map((row) => (
          <div key={row.key} className="absolute inset-x-0 h-[18px] whitespace-pre" style={{ transform: `translateY(${row.start}px)` }}>
            <Line text={lines[row.index] ?? ""} />
          </div>
        ))}
      </div>
    </div>
  );
}
