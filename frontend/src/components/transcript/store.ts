// The events of one run or session, outside React. Frames come in any order, twice, or late: the buffer is
// sorted by event id, so the transcript is that of the server. Readers are told once a frame.

import { type RunEvent, Transcript } from "./model";

/** Events kept. Older ones come again from the server when asked for. */
export const CAPACITY = 20_000;

export interface Snapshot {
  transcript: Transcript;
  /** Grows with each change that readers must see. */
  version: number;
  /** Id of the oldest event held; null: none yet. */
  first: string | null;
  last: string | null;
  count: number;
  /** All that are held: one list that grows. */
  events: readonly RunEvent[];
  /** How many have come at the end so far: not those that older ones were loaded with. */
  arrived: number;
}

type Schedule = (work: () => void) => void;

/** Before the next picture; in a hidden tab, which draws none, not before it is shown. */
function onNextFrame(work: () => void): void {
  if (document.hidden) {
    document.addEventListener("visibilitychange", work, { once: true });
  } else {
    requestAnimationFrame(work);
  }
}

export class TranscriptStore {
  #events: RunEvent[] = [];
  #ids: number[] = [];
  #listeners = new Set<() => void>();
  #waiting: RunEvent[] = [];
  #scheduled = false;
  #arrived = 0;
  #snapshot: Snapshot;
  #schedule: Schedule;
  #capacity: number;

  constructor(schedule: Schedule = onNextFrame, capacity: number = CAPACITY) {
    this.#schedule = schedule;
    this.#capacity = capacity;
    this.#snapshot = { transcript: new Transcript(), version: 0, first: null, last: null, count: 0, events: [], arrived: 0 };
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  getSnapshot = (): Snapshot => this.#snapshot;

  /** Take live frames; they are shown with the next picture. */
  take(...events: RunEvent[]): void {
    for (const event of events) this.#waiting.push(event);
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#schedule(() => {
      this.#scheduled = false;
      this.flush();
    });
  }

  /** Older events, as they come from the server. They are shown at once. */
  prepend(events: RunEvent[]): void {
    this.#waiting.push(...events);
    this.flush({ keepOld: true });
  }

  clear(): void {
    this.#events = [];
    this.#ids = [];
    this.#waiting = [];
    this.#publish(new Transcript());
  }

  flush({ keepOld = false } = {}): void {
    const fresh = this.#sorted();
    if (fresh.length === 0) return;
    const end = this.#ids.at(-1) ?? -1;
    const inOrder = Number(fresh[0]?.id) > end;
    this.#arrived += inOrder ? fresh.length : fresh.filter((event) => Number(event.id) > end).length;
    let transcript = this.#snapshot.transcript;
    if (inOrder) {
      this.#append(fresh);
      for (const event of fresh) transcript.take(event);
    } else {
      this.#merge(fresh);
      transcript = this.#rebuilt();
    }
    if (!keepOld && this.#events.length > this.#capacity * 1.1) {
      this.#events.splice(0, this.#events.length - this.#capacity);
      this.#ids.splice(0, this.#ids.length - this.#capacity);
      transcript = this.#rebuilt();
    }
    this.#publish(transcript);
  }

  /** What waits and is not held yet, by id, each once. */
  #sorted(): RunEvent[] {
    const byId = new Map<number, RunEvent>();
    for (const event of this.#waiting) {
      const id = Number(event.id);
      if (!this.#holds(id)) byId.set(id, event);
    }
    this.#waiting = [];
    return [...byId.entries()].sort(([a], [b]) => a - b).map(([, event]) => event);
  }

  #holds(id: number): boolean {
    let low = 0;
    let high = this.#ids.length;
    if (id > (this.#ids.at(-1) ?? -1)) return false;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#ids[middle] ?? 0) < id) low = middle + 1;
      else high = middle;
    }
    return this.#ids[low] === id;
  }

  #append(events: RunEvent[]): void {
    for (const event of events) {
      this.#events.push(event);
      this.#ids.push(Number(event.id));
    }
  }

  #merge(events: RunEvent[]): void {
    this.#events = [...this.#events, ...events].sort((a, b) => Number(a.id) - Number(b.id));
    this.#ids = this.#events.map((event) => Number(event.id));
  }

  #rebuilt(): Transcript {
    const transcript = new Transcript();
    for (const event of this.#events) transcript.take(event);
    return transcript;
  }

  #publish(transcript: Transcript): void {
    this.#snapshot = {
      transcript,
      version: this.#snapshot.version + 1,
      first: this.#events[0]?.id ?? null,
      last: this.#events.at(-1)?.id ?? null,
      count: this.#events.length,
      events: this.#events,
      arrived: this.#arrived,
    };
    for (const listener of this.#listeners) listener();
  }
}
