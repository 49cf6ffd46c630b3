import { useEffect, useState } from "react";

import { lineOf, withLines, type LogLine } from "../logs";

interface BoxLog {
  lines: LogLine[];
  state: "connecting" | "live" | "cut";
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
    source.onerror = () => setLog((old) => ({ ...old, state: "cut" }));
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
