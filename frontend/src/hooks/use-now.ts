import { useSyncExternalStore } from "react";

const TICK_MS = 1_000;

let now = Date.now();
let timer: ReturnType<typeof setInterval> | undefined;
const watchers = new Set<() => void>();

function tick(): void {
  if (document.hidden) return;
  now = Date.now();
  for (const changed of [...watchers]) changed();
}

function watch(changed: () => void): () => void {
  watchers.add(changed);
  if (!timer) {
    timer = setInterval(tick, TICK_MS);
    now = Date.now(); // it stood still while nobody looked
  }
  return () => {
    watchers.delete(changed);
    if (watchers.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

const still = () => () => undefined;
const read = () => now;

/** The time in ms, new once a second, from one timer for all. Not `ticking`: it stands still. */
export const useNow = (ticking = true): number =>
  useSyncExternalStore(ticking ? watch : still, read, read);
