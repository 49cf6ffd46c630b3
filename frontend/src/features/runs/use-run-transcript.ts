import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useRef } from "react";

import { usageKeys } from "@/api/usage";
import { TRANSCRIPT_ONLY } from "@/components/transcript/model";
import { type LiveTranscript, useTranscript } from "@/components/transcript/use-transcript";

import { fetchEvents, refreshRun, runKeys } from "./queries";

const WORKSPACE = new Set([
  "STEP_COMPLETE", "STEP_FAILED", "STEP_CANCELLED", "RUN_COMPLETE", "RUN_FAILED", "RUN_CANCELLED", "COMMIT_FAILED",
]);
const GATHER_MS = 250;

/** The events of a run. Frames that change the run's state make its queries stale. */
export function useRunTranscript(runId: string): LiveTranscript {
  const client = useQueryClient();
  const stale = useStale(runId);
  return useTranscript({
    id: runId,
    topic: `run:${runId}`,
    fetch: (before, signal) => fetchEvents(runId, before, signal),
    onFrame: (frame) => {
      if (!TRANSCRIPT_ONLY.has(frame.type)) stale(WORKSPACE.has(frame.type));
    },
    // The run may have been read before its last events.
    onRead: () => void refreshRun(client, runId),
  });
}

/** Read the run anew, once for a burst of events; its workspace too when files may have changed. */
function useStale(runId: string): (workspace: boolean) => void {
  const client = useQueryClient();
  const waiting = useRef<{ timer: ReturnType<typeof setTimeout> | undefined; workspace: boolean }>({ timer: undefined, workspace: false });
  useEffect(() => {
    const state = waiting.current;
    return () => {
      clearTimeout(state.timer);
      state.timer = undefined;
    };
  }, [runId]);
  return useCallback((workspace: boolean) => {
    const state = waiting.current;
    state.workspace ||= workspace;
    if (state.timer !== undefined) return;
    state.timer = setTimeout(() => {
      void refreshRun(client, runId);
      const ask = { run_id: runId };
      for (const queryKey of [usageKeys.calls(ask), usageKeys.series(ask)]) void client.invalidateQueries({ queryKey });
      if (state.workspace) void client.invalidateQueries({ queryKey: runKeys.workspace(runId) });
      Object.assign(state, { timer: undefined, workspace: false });
    }, GATHER_MS);
  }, [client, runId]);
}
