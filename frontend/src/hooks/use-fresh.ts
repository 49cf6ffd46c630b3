import { useQueryClient, type QueryKey } from "@tanstack/react-query";
import { useEffect, useRef } from "react";

import type { Frame } from "@/live/frames";
import { useTopic } from "@/live/use-topic";

/** A burst of frames asks the server once. */
const GATHER_MS = 400;

/**
 * Read queries anew when frames of a topic say that they are old. `stale` names their keys, or
 * nothing when a frame does not matter here. After a gap all of `always` are read anew.
 */
export function useFresh(
  topic: string | null,
  stale: (frame: Frame) => readonly QueryKey[],
  always: readonly QueryKey[],
): void {
  const client = useQueryClient();
  const waiting = useRef(new Map<string, QueryKey>());
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const gather = (keys: readonly QueryKey[]): void => {
    for (const key of keys) waiting.current.set(JSON.stringify(key), key);
    if (waiting.current.size === 0 || timer.current !== undefined) return;
    timer.current = setTimeout(() => {
      timer.current = undefined;
      const due = [...waiting.current.values()];
      waiting.current.clear();
      for (const queryKey of due) void client.invalidateQueries({ queryKey });
    }, GATHER_MS);
  };
  useTopic(topic, (frame) => gather(stale(frame)), { onReset: () => gather(always) });
  useEffect(
    () => () => {
      clearTimeout(timer.current);
      timer.current = undefined;
    },
    [],
  );
}
