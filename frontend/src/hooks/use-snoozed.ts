import { usePreferences, useSetPreferences } from "@/api/preferences";
import { useNow } from "@/hooks/use-now";

const MORNING = 8;

/** Eight in the morning of the next day, where the person is. */
export function tomorrow(now: Date): Date {
  const at = new Date(now);
  at.setDate(at.getDate() + 1);
  at.setHours(MORNING, 0, 0, 0);
  return at;
}

/** Those that are still put off at that moment. */
export const stillOff = (snoozed: Readonly<Record<string, string>>, now: number): Record<string, string> =>
  Object.fromEntries(Object.entries(snoozed).filter(([, until]) => Date.parse(until) > now));

/** Decisions that this person has put off, each with when it comes back. */
export function useSnoozed() {
  const { snoozed = {} } = usePreferences();
  const keep = useSetPreferences();
  const isAny = Object.keys(snoozed).length > 0;
  const off = stillOff(snoozed, useNow(isAny));
  return {
    snoozed: off,
    snooze: (id: string) => keep({ snoozed: { ...off, [id]: tomorrow(new Date()).toISOString() } }),
    wake: (id: string) => keep({ snoozed: Object.fromEntries(Object.entries(off).filter(([each]) => each !== id)) }),
  };
}
