import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import type { Frame } from "./frames";
import { LiveSocket, LONGEST_WAIT_MS, SILENCE_MS, STALE_MS } from "./socket";

/** A server's side of the line: what was sent to it, and what the test lets it say. */
class FakeSocket extends EventTarget {
  static readonly OPEN = 1;
  static all: FakeSocket[] = [];
  static get last(): FakeSocket {
    return FakeSocket.all[FakeSocket.all.length - 1]!;
  }
  readyState = 0;
  sent: Record<string, unknown>[] = [];

  constructor(readonly url: string) {
    super();
    FakeSocket.all.push(this);
  }
  open(): void {
    this.readyState = 1;
    this.dispatchEvent(new Event("open"));
  }
  send(text: string): void {
    this.sent.push(JSON.parse(text) as Record<string, unknown>);
  }
  say(frame: Partial<Frame>): void {
    const data = JSON.stringify({ id: "", topic: "", type: "X", ts: "", data: {}, ...frame });
    this.dispatchEvent(new MessageEvent("message", { data }));
  }
  cut(code = 1006): void {
    this.readyState = 3;
    this.dispatchEvent(new CloseEvent("close", { code }));
  }
  close(): void {
    this.cut();
  }
}

const subscribe = (topic: string, last_event_id: string | null) => ({ op: "subscribe", topic, last_event_id });

let line: LiveSocket;

function opened(): FakeSocket {
  line.open();
  FakeSocket.last.open();
  return FakeSocket.last;
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("WebSocket", FakeSocket);
  FakeSocket.all = [];
  line = new LiveSocket(() => "ws://server/ws/");
});

afterEach(() => {
  line.close();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("a topic", () => {
  it("is resumed from the last event that was handled", () => {
    const seen: string[] = [];
    line.subscribe("run:1", "4", { onFrame: ({ id }) => seen.push(id) });
    const first = opened();
    expect(first.sent).toEqual([subscribe("run:1", "4")]);
    first.say({ topic: "run:1", id: "5" });
    first.cut();
    vi.advanceTimersByTime(LONGEST_WAIT_MS);
    FakeSocket.last.open();
    expect(FakeSocket.last.sent).toEqual([subscribe("run:1", "5")]);
    FakeSocket.last.say({ topic: "run:1", id: "5" });
    FakeSocket.last.say({ topic: "run:1", id: "6" });
    expect(seen).toEqual(["5", "6"]);
  });

  it("that was joined at the end starts where the server says", () => {
    line.subscribe("runs", null, { onFrame: () => undefined });
    const first = opened();
    first.say({ topic: "runs", type: "subscribed", id: "9-1" });
    first.cut();
    vi.advanceTimersByTime(LONGEST_WAIT_MS);
    FakeSocket.last.open();
    expect(FakeSocket.last.sent).toEqual([subscribe("runs", "9-1")]);
  });

  it("is shared: a second listener reads what lies before without the first seeing it twice", () => {
    const first: string[] = [];
    const second: string[] = [];
    line.subscribe("run:1", "4", { onFrame: ({ id }) => first.push(id) });
    const socket = opened();
    socket.say({ topic: "run:1", id: "5" });
    line.subscribe("run:1", "3", { onFrame: ({ id }) => second.push(id) });
    expect(socket.sent.at(-1)).toEqual(subscribe("run:1", "3"));
    for (const id of ["4", "5", "6"]) socket.say({ topic: "run:1", id });
    expect(first).toEqual(["5", "6"]);
    expect(second).toEqual(["4", "5", "6"]);
  });

  it("is left when the last listener goes", () => {
    const stops = [1, 2].map(() => line.subscribe("runs", null, { onFrame: () => undefined }));
    const socket = opened();
    stops[0]!();
    expect(socket.sent.filter(({ op }) => op === "unsubscribe")).toEqual([]);
    stops[1]!();
    expect(socket.sent.at(-1)).toEqual({ op: "unsubscribe", topic: "runs" });
  });

  it("tells of a gap and of a refusal", () => {
    const onReset = vi.fn();
    const onRefused = vi.fn();
    line.subscribe("run:1", "1", { onFrame: () => undefined, onReset, onRefused });
    const socket = opened();
    socket.say({ topic: "run:1", type: "reset", id: "90" });
    expect(onReset).toHaveBeenCalledOnce();
    socket.say({ topic: "run:1", type: "error", data: { code: "permission_denied" } });
    expect(onRefused).toHaveBeenCalledWith({ code: "permission_denied" });
    socket.cut();
    vi.advanceTimersByTime(LONGEST_WAIT_MS);
    FakeSocket.last.open();
    expect(FakeSocket.last.sent).toEqual([subscribe("run:1", "90")]);
  });

  it("loses nothing and doubles nothing, wherever the line is cut", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(3), { minLength: 1, maxLength: 40 }), (cuts) => {
        FakeSocket.all = [];
        const own = new LiveSocket(() => "ws://server/ws/");
        const seen: number[] = [];
        own.subscribe("run:1", "0", { onFrame: ({ id }) => seen.push(Number(id)) });
        own.open();
        let end = 0;
        for (const length of cuts) {
          const socket = FakeSocket.last;
          socket.open();
          const from = Number(socket.sent.at(-1)!.last_event_id);
          end = Math.max(end, from) + length;
          for (let id = Math.max(1, from - 1); id <= end; id += 1) socket.say({ topic: "run:1", id: String(id) });
          socket.cut();
          vi.advanceTimersByTime(LONGEST_WAIT_MS);
        }
        own.close();
        expect(seen).toEqual(Array.from({ length: end }, (_, index) => index + 1));
      }),
      { numRuns: 50 },
    );
  });
});

describe("the line", () => {
  it("says what it is, and tries again for ever", () => {
    const socket = opened();
    expect(line.line().state).toBe("live");
    socket.cut();
    expect(line.line().state).toBe("waiting");
    for (let tries = 0; tries < 30; tries += 1) {
      vi.advanceTimersByTime(LONGEST_WAIT_MS);
      FakeSocket.last.cut();
    }
    expect(FakeSocket.all.length).toBeGreaterThan(20);
    vi.advanceTimersByTime(LONGEST_WAIT_MS);
    FakeSocket.last.open();
    expect(line.line().state).toBe("live");
    expect(line.line().reconnects).toBe(1);
  });

  it("is stale when nothing is heard, and cut when that lasts", () => {
    opened();
    vi.advanceTimersByTime(STALE_MS);
    expect(line.line().state).toBe("stale");
    vi.advanceTimersByTime(SILENCE_MS - STALE_MS);
    expect(line.line().state).toBe("waiting");
  });

  it("is live again when a stale one speaks", () => {
    const socket = opened();
    vi.advanceTimersByTime(STALE_MS);
    socket.say({ type: "heartbeat" });
    expect(line.line().state).toBe("live");
  });

  it("stops when nobody is signed in any more", () => {
    opened().cut(4401);
    vi.advanceTimersByTime(10 * LONGEST_WAIT_MS);
    expect(line.line().state).toBe("signed_out");
    expect(FakeSocket.all).toHaveLength(1);
  });

  it("comes back at once when the network does", () => {
    opened().cut();
    dispatchEvent(new Event("online"));
    expect(FakeSocket.all).toHaveLength(2);
  });
});
