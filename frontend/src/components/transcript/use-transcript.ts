import { useCallback, useEffect, useRef, useState, useSyncExternalStore } from "react";

import type { Frame } from "@/live/frames";
import { useTopic } from "@/live/use-topic";

import type { RunEvent } from "./model";
import { type Snapshot, TranscriptStore } from "./store";

export interface EventPage {
  items: RunEvent[];
  /** The position to go on from; null: at the end of what there is. */
  next: string | null;
  /** The first of these events is the first of all. */
  isBeginning: boolean;
}

export interface TranscriptSource {
  /** Of what it is; another one starts anew. */
  id: string;
  /** The topic that tells what comes; null: nothing comes any more. */
  topic: string | null;
  /** The last events before an id; without one, the very last. */
  fetch: (before: string | null, signal?: AbortSignal) => Promise<EventPage>;
  /** Which frames of the topic belong to it; all without it. */
  holds?: (frame: Frame) => boolean;
  onFrame?: (frame: Frame) => void;
  /** The tail was read. */
  onRead?: () => void;
}

export interface LiveTranscript extends Snapshot {
  /** Events before the first one held are still at the server. */
  hasOlder: boolean;
  isLoading: boolean;
  error: unknown;
  loadOlder: () => Promise<void>;
  reload: () => void;
}

/** The events of a run or session: the tail first, then live from there on, older ones when asked for. */
export function useTranscript(source: TranscriptSource): LiveTranscript {
  const { id } = source;
  const [store] = useState(() => new TranscriptStore());
  const [position, setPosition] = useState<string | null>(null);
  const [beginning, setBeginning] = useState<string | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [round, setRound] = useState(0);
  const latest = useRef(source);
  useEffect(() => {
    latest.current = source;
  });

  const keep = useCallback((page: EventPage): void => {
    store.prepend(page.items);
    if (page.isBeginning) setBeginning(page.items[0]?.id ?? null);
  }, [store]);

  useEffect(() => {
    const controller = new AbortController();
    latest.current.fetch(null, controller.signal).then((page) => {
      keep(page);
      setPosition(page.next ?? "0");
      setError(null);
      latest.current.onRead?.();
    }, (reason: unknown) => {
      if (!controller.signal.aborted) setError(reason);
    });
    return () => controller.abort();
  }, [id, round, keep]);

  const reload = useCallback(() => {
    store.clear();
    setPosition(null);
    setBeginning(null);
    setRound((count) => count + 1);
  }, [store]);

  useTopic(position === null ? null : source.topic, (frame) => {
    if (source.holds && !source.holds(frame)) return;
    store.take(frame);
    source.onFrame?.(frame);
  }, { since: position, onReset: reload });

  const snapshot = useSyncExternalStore(store.subscribe, store.getSnapshot);
  const { first } = snapshot;
  const loadOlder = useCallback(async () => {
    if (first !== null) keep(await latest.current.fetch(first));
  }, [first, keep]);

  return {
    ...snapshot,
    // Of a long stream the first events are let go: then there are older ones again.
    hasOlder: first !== null && first !== beginning,
    isLoading: position === null && error === null,
    error,
    loadOlder,
    reload,
  };
}
