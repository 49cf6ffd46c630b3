import { useMemo } from "react";

import { Transcript } from "./model";
import type { LiveTranscript } from "./use-transcript";

/** A transcript as it was when an event had come; null: as it is. What came before it must be held. */
export function useAsOf(live: LiveTranscript, event: string | null): LiveTranscript {
  const { events, first } = live;
  const now = event === null ? live : null;
  const isEmpty = live.count === 0;
  return useMemo(() => {
    if (event === null) return live;
    const transcript = new Transcript();
    for (const each of events) {
      if (Number(each.id) > Number(event)) break;
      transcript.take(each);
    }
    return { ...live, transcript };
    // What comes after the event changes nothing: only older ones that are loaded do.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [now, event, events, first, isEmpty]);
}
