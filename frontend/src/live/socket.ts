/**
 * One websocket for the page. A topic is resumed from the last event that was handled, so a cut line
 * loses nothing and shows nothing twice. It tries again for ever.
 */
import type { ClientMessage, Frame, Listener } from "./frames";
import { isNewer, older } from "./position";

export const FIRST_WAIT_MS = 500;
export const LONGEST_WAIT_MS = 30_000;
/** The server speaks every 20 s. After this much silence the line counts as stale … */
export const STALE_MS = 30_000;
/** … and after this it is cut and made anew. */
export const SILENCE_MS = 45_000;
const SIGNED_OUT = 4401;
const RESTART = 1012;

export type LineState = "idle" | "connecting" | "live" | "stale" | "waiting" | "signed_out";

export interface Line {
  state: LineState;
  /** When the server was last heard, in ms since 1970; 0 before that. */
  heardAt: number;
  reconnects: number;
  topics: readonly string[];
  lastError: string;
}

interface Held {
  listener: Listener;
  /** Null until the server has said where it starts. */
  position: string | null;
}

interface Topic {
  held: Set<Held>;
  asked: boolean;
}

export class LiveSocket {
  #socket: WebSocket | null = null;
  #topics = new Map<string, Topic>();
  #wait = FIRST_WAIT_MS;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #silence: ReturnType<typeof setTimeout> | undefined;
  #watchers = new Set<() => void>();
  #line: Line = { state: "idle", heardAt: 0, reconnects: 0, topics: [], lastError: "" };
  #opened = 0;

  constructor(private readonly url: () => string) {}

  /** What the indicator shows. The same object until something in it changes. */
  readonly line = (): Line => this.#line;

  readonly watch = (changed: () => void): (() => void) => {
    this.#watchers.add(changed);
    return () => this.#watchers.delete(changed);
  };

  /** Connect, and stay connected. Again after `close`. */
  open(): void {
    if (this.#socket || this.#retry) return;
    addEventListener("online", this.#soon);
    document.addEventListener("visibilitychange", this.#shown);
    this.#connect();
  }

  close(): void {
    removeEventListener("online", this.#soon);
    document.removeEventListener("visibilitychange", this.#shown);
    clearTimeout(this.#retry);
    clearTimeout(this.#silence);
    this.#retry = undefined;
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
    this.#tell({ state: "idle" });
  }

  /**
   * Listen to a topic after an event id; `null`: from now on. Returns how to stop.
   *
   * Listeners of one topic share the server's subscription and keep a position each.
   */
  subscribe(name: string, since: string | null, listener: Listener): () => void {
    const topic = this.#topics.get(name) ?? { held: new Set(), asked: false };
    const others = [...topic.held];
    const held: Held = { listener, position: since };
    const reached = others.map((each) => each.position).filter((each) => each !== null);
    if (since === null && reached.length > 0) held.position = reached.reduce(newest);
    topic.held.add(held);
    this.#topics.set(name, topic);
    const behind = since !== null && reached.every((position) => isNewer(position, since));
    if (!topic.asked || behind) this.#ask(name, topic);
    this.#tell({ topics: [...this.#topics.keys()] });
    return () => this.#leave(name, topic, held);
  }

  /** Try now instead of waiting. */
  readonly retry = (): void => this.#soon();

  #leave(name: string, topic: Topic, held: Held): void {
    topic.held.delete(held);
    if (topic.held.size > 0 || this.#topics.get(name) !== topic) return;
    this.#topics.delete(name);
    this.#send({ op: "unsubscribe", topic: name });
    this.#tell({ topics: [...this.#topics.keys()] });
  }

  #connect(): void {
    this.#retry = undefined;
    this.#tell({ state: "connecting" });
    const socket = new WebSocket(this.url());
    this.#socket = socket;
    socket.addEventListener("open", () => {
      if (socket !== this.#socket) return;
      this.#opened += 1;
      this.#tell({ state: "live", reconnects: this.#opened - 1, lastError: "" });
      this.#heard();
      for (const [name, topic] of this.#topics) this.#ask(name, topic);
    });
    socket.addEventListener("message", (event: MessageEvent<string>) => {
      if (socket !== this.#socket) return;
      this.#heard();
      this.#take(JSON.parse(event.data) as Frame);
    });
    socket.addEventListener("close", (event) => {
      if (socket === this.#socket) this.#closed(event.code);
    });
  }

  #take(frame: Frame): void {
    this.#wait = FIRST_WAIT_MS; // a line that works: the next cut is a new one
    const topic = this.#topics.get(frame.topic);
    if (!topic) return;
    if (frame.type === "subscribed") {
      for (const held of topic.held) held.position ??= frame.id || "0";
    } else if (frame.type === "reset") {
      for (const held of [...topic.held]) {
        held.position = frame.id || held.position;
        held.listener.onReset?.(frame);
      }
    } else if (frame.type === "error") {
      for (const held of [...topic.held]) held.listener.onRefused?.(frame.data);
    } else if (frame.id && frame.type !== "unsubscribed") {
      for (const held of [...topic.held]) {
        if (!isNewer(frame.id, held.position)) continue;
        held.position = frame.id;
        held.listener.onFrame(frame);
      }
    }
  }

  #ask(name: string, topic: Topic): void {
    const positions = [...topic.held].map((held) => held.position).filter((each) => each !== null);
    const position = positions.length > 0 ? positions.reduce(older) : null;
    topic.asked = this.#send({ op: "subscribe", topic: name, last_event_id: position });
  }

  #send(message: ClientMessage): boolean {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  #heard(): void {
    this.#line.heardAt = Date.now(); // read when something else changes, or by a clock
    if (this.#line.state === "stale") this.#tell({ state: "live" });
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#quiet(), STALE_MS);
  }

  /** A line that says nothing any more is as good as cut, whatever the browser thinks. */
  #quiet(): void {
    this.#tell({ state: "stale" });
    this.#silence = setTimeout(() => {
      const socket = this.#socket;
      this.#closed(0);
      socket?.close();
    }, SILENCE_MS - STALE_MS);
  }

  #closed(code: number): void {
    clearTimeout(this.#silence);
    this.#socket = null;
    for (const topic of this.#topics.values()) topic.asked = false;
    if (code === SIGNED_OUT) {
      this.#tell({ state: "signed_out" });
      return;
    }
    const error = code === RESTART ? "The server restarts." : `The connection was cut (${code}).`;
    this.#tell({ state: "waiting", lastError: error });
    const jitter = 0.5 + Math.random() * 0.5;
    this.#retry = setTimeout(() => this.#connect(), this.#wait * jitter);
    this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT_MS);
  }

  readonly #soon = (): void => {
    if (this.#socket || this.#line.state === "signed_out") return;
    clearTimeout(this.#retry);
    this.#connect();
  };

  readonly #shown = (): void => {
    if (!document.hidden) this.#soon();
  };

  #tell(change: Partial<Line>): void {
    this.#line = { ...this.#line, ...change };
    for (const changed of [...this.#watchers]) changed();
  }
}

const newest = (a: string, b: string): string => (isNewer(a, b) ? a : b);

/** The page's line. */
export const live = new LiveSocket(
  () => `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws/`,
);
