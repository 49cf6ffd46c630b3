import { Link } from "@tanstack/react-router";
import { useState, type ReactNode } from "react";

import { cn } from "@/lib/cn";
import { useTopic } from "@/live/use-topic";

import { toneClass } from "../ui/badge";
import { Button } from "../ui/button";
import { Time } from "../ui/facts";
import { lineOf, withLine, type Line } from "./lines";

interface LiveFeedProps {
  most?: number;
  /** Shown while nothing has happened since the page was opened. */
  quiet: ReactNode;
}

/** What happens to all runs, as it happens. It can be held, so that a line can be read. */
export function LiveFeed({ most = 30, quiet }: LiveFeedProps) {
  const [lines, setLines] = useState<Line[]>([]);
  const [held, setHeld] = useState<Line[] | null>(null);
  useTopic("runs", (frame) => {
    const line = lineOf(frame);
    if (line) setLines((old) => withLine(old, line, most));
  });
  const shown = held ?? lines;
  if (lines.length === 0) return <div className="text-sm text-muted">{quiet}</div>;
  return (
    <>
      <Button size="sm" look="quiet" className="mb-1" onClick={() => setHeld(held ? null : lines)}>
        {held ? "Go on" : "Hold"}
      </Button>
      <div role="log" aria-live="polite" aria-label="What happens now">
        <ol className="grid gap-1 text-sm">
          {shown.map((line) => (
            <li key={line.key} className="flex items-baseline gap-2">
              <span className={cn(toneClass[line.tone], "size-2 shrink-0 self-center rounded-full bg-tone")} aria-hidden />
              <span className="min-w-0 flex-1 truncate" title={line.text}>
                {line.runId ? (
                  <Link to="/runs/$runId" params={{ runId: line.runId }} className="inline-block max-w-full truncate py-0.5 align-bottom hover:underline">
                    {line.text}
                  </Link>
                ) : (
                  line.text
                )}
                {line.times > 1 ? <span className="text-muted"> ×{line.times}</span> : null}
              </span>
              <Time at={line.at} className="text-xs text-muted" />
            </li>
          ))}
        </ol>
      </div>
    </>
  );
}
