import { useVirtualizer } from "@tanstack/react-virtual";
import { useRef } from "react";

import { EmptyState } from "@/components/ui/empty-state";
import { clock } from "@/lib/format";

import { plainText } from "./ansi";
import { Fold } from "./fold";
import { LogText } from "./log-text";
import type { LiveTranscript } from "./use-transcript";

const ROW = 36;
const SHOWN = 200;

/** The events as the server tells them. */
export function RawEvents({ transcript }: { transcript: LiveTranscript }) {
  const { events } = transcript;
  const place = useRef<HTMLDivElement>(null);
  // eslint-disable-next-line react-hooks/incompatible-library -- the list is not memoised by a compiler
  const rows = useVirtualizer({ count: events.length, getScrollElement: () => place.current, estimateSize: () => ROW, overscan: 10, getItemKey: (at) => events[at]?.id ?? at });
  if (events.length === 0) return <EmptyState title="No event yet." />;
  return (
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls must be reachable by keys
    <div ref={place} tabIndex={0} role="group" aria-label={`${events.length} events`} className="h-[65dvh] overflow-y-auto rounded-card border bg-surface focus-visible:-outline-offset-2">
      <ol className="relative" style={{ height: rows.getTotalSize() }}>
        {rows.getVirtualItems().map((row) => {
          const event = events[row.index];
          if (!event) return null;
          const { runId: _run, sessionId: _session, stepId: _step, ...rest } = event.data;
          const text = JSON.stringify(rest);
          return (
            <li key={row.key} ref={rows.measureElement} data-index={row.index} className="absolute inset-x-0 border-b" style={{ transform: `translateY(${row.start}px)` }}>
              <Fold id={`raw/${event.id}`} summary={
                <>
                  <span className="w-14 shrink-0 text-right text-xs text-muted">{event.id}</span>
                  <time dateTime={event.ts} className="shrink-0 text-xs text-muted">{clock(event.ts)}</time>
                  <span className="shrink-0 font-mono text-code">{event.type}</span>
                  <span className="min-w-0 flex-1 truncate font-mono text-code text-muted max-sm:hidden">{plainText(text.slice(0, SHOWN))}</span>
                </>
              }>
                {() => <LogText text={JSON.stringify(event.data, null, 2)} label={`Event ${event.id}`} />}
              </Fold>
            </li>
          );
        })}
      </ol>
    </div>
  );
}
