import { useEffect, useState } from "react";

import { api, ok } from "@/api/client";

import { lineOf, withLines, type LogLine } from "../logs";

interface BoxLog {
  lines: LogLine[];
  state: "connecting" | "live" | "cut" | "ended";
}

/** What a box left behind; null while it lives. */
async function keptLines(container_id: number): Promise<LogLine[] | null> {
  const kept = await ok(api.GET("/v1/containers/{container_id}/logs", { params: { path: { container_id } } }));
  return kept.ended ? kept.lines.map(({ level, text }, at) => ({ key: `kept-${at}`, level, text })) : null;
}

/** The log of a box: its end, then live. The browser resumes a cut stream by itself. */
export function useBoxLog(containerId: number): BoxLog {
  const [log, setLog] = useState<BoxLog>({ lines: [], state: "connecting" });
  useEffect(() => {
    const source = new EventSource(`/v1/containers/${containerId}/logs/stream`);
    let waiting: LogLine[] = [];
    let frame = 0;
    const flush = () => {
      frame = 0;
      const more = waiting;
      waiting = [];
      setLog((old) => ({ lines: withLines(old.lines, more), state: "live" }));
    };
    source.onopen = () => setLog((old) => ({ ...old, state: "live" }));
    source.onerror = () => {
      setLog((old) => ({ ...old, state: "cut" }));
      void keptLines(containerId).then(
        (kept) => {
          if (!kept) return;
          source.close(); // there is nothing more to come back for
          setLog((old) => ({ lines: old.lines.length > 0 ? old.lines : kept, state: "ended" }));
        },
        () => undefined, // nobody answers: the stream tries again
      );
    };
    let count = 0;
    source.onmessage = (event: MessageEvent<string>) => {
      count += 1;
      const line = lineOf(event.data, `${event.lastEventId}-${count}`);
      if (!line) return;
      waiting.push(line);
      frame ||= requestAnimationFrame(flush);
    };
    return () => {
      source.close();
      cancelAnimationFrame(frame);
    };
  }, [containerId]);
  return log;
}
