import { useEffect, useRef, useSyncExternalStore } from "react";

import type { Frame, Listener } from "./frames";
import { live, type Line } from "./socket";

interface TopicOptions extends Omit<Listener, "onFrame"> {
  /** Resume after this event (a snapshot's `last_event_id`). Read once, when the topic is joined. */
  since?: string | null;
}

/**
 * Hear a topic while the component is there; `null` hears nothing. Handlers may change freely.
 *
 *     useTopic(`run:${id}`, (frame) => queryClient.invalidateQueries({ queryKey: runKeys.one(id) }));
 */
export function useTopic(
  topic: string | null,
  onFrame: (frame: Frame) => void,
  options: TopicOptions = {},
): void {
  const latest = useRef({ onFrame, options });
  useEffect(() => {
    latest.current = { onFrame, options };
  });
  useEffect(() => {
    if (topic === null) return undefined;
    return live.subscribe(topic, latest.current.options.since ?? null, {
      onFrame: (frame) => latest.current.onFrame(frame),
      onReset: (frame) => latest.current.options.onReset?.(frame),
      onRefused: (data) => latest.current.options.onRefused?.(data),
    });
  }, [topic]);
}

/** The state of the connection. */
export const useLine = (): Line => useSyncExternalStore(live.watch, live.line, live.line);
