import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useRef, useState, useSyncExternalStore } from "react";

import { useTopic } from "@/live/use-topic";

import { fetchEvents, runKeys } from "../queries";
import { TRANSCRIPT_ONLY } from "./model";
import { type Snapshot, TranscriptStore } from "./store";

const WORKSPACE = new Set([
  "STEP_COMPLETE", "STEP_FAILED", "STEP_CANCELLED", "RUN_COMPLETE", "RUN_FAILED", "RUN_CANCELLED", "COMMIT_FAILED",
]);
const GATHER_MS = 250;

export interface LiveTranscript extends Snapshot {
  /** Events before the first one held are still at the server. */
  hasOlder: boolean;
  isLoading: boolean;
  error: unknown;
  loadOlder: () => Promise<void>;
  reload: () => void;
}

/**
 * The events of a run: its tail first, then live from there on, older ones when asked for. Frames
 * that change the run's state make its queries stale.
 */
export function useTranscript(runId: string): LiveTranscript {
  const [store] = useState(() => new TranscriptStore());
  const [position, setPosition] = useState<string | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [round, setRound] = useState(0);
  const client = useQueryClient();
  const stale = useStale(runId);

  useEffect(() => {
    const controller = new AbortController();
    fetchEvents(runId, null, controller.signal).then((log) => {
      store.prepend(log.items);
      setPosition(log.next ?? "0");
      setError(null);
      // The run may have been read before its last events.
      void client.invalidateQueries({ queryKey: runKeys.one(runId) });
    }, (reason: unknown) => {
      if (!controller.signal.aborted) setError(reason);
    });
    return () => controller.abort();
  }, [client, runId, round, store]);

  const reload = useCallback(() => {
    store.clear();
    setPosition(null);
    setRound((count) => count + 1);
  }, [store]);

  useTopic(position === null ? null : `run:${runId}`, (frame) => {
    store.take(frame);
    if (!TRANSCRIPT_ONLY.has(frame.type)) stale(WORKSPACE.has(frame.type));
  }, { since: position, onReset: reload });

  const snapshot = useSyncExternalStore(store.subscribe, store.getSnapshot);
  const first = snapshot.first;
  const loadOlder = useCallback(async () => {
    if (first === null) return;
    const log = await fetchEvents(runId, first);
    store.prepend(log.items);
  }, [first, runId, store]);

  return {
    ...snapshot,
    hasOlder: first !== null && Number(first) > 1, // ids of a topic have no holes
    isLoading: position === null && error === null,
    error,
    loadOlder,
    reload,
  };
}

/** Read the run anew, once for a burst of events; its workspace too when files may have changed. */
function useStale(runId: string): (workspace: boolean) => void {
  const client = useQueryClient();
  const waiting = useRef<{ timer: ReturnType<typeof setTimeout> | undefined; workspace: boolean }>({ timer: undefined, workspace: false });
  useEffect(() => {
    const state = waiting.current;
    return () => clearTimeout(state.timer);
  }, [runId]);
  return useCallback((workspace: boolean) => {
    const state = waiting.current;
    state.workspace ||= workspace;
    if (state.timer !== undefined) return;
    state.timer = setTimeout(() => {
      const keys = [runKeys.one(runId), runKeys.graph(runId), runKeys.calls(runId)];
      for (const queryKey of keys) void client.invalidateQueries({ queryKey, exact: queryKey === keys[0] });
      if (state.workspace) void client.invalidateQueries({ queryKey: runKeys.workspace(runId) });
      Object.assign(state, { timer: undefined, workspace: false });
    }, GATHER_MS);
  }, [client, runId]);
}
