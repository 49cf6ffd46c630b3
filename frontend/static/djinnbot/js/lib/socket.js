// One websocket for the page. Each topic is resumed from the last event that was handled, so a cut
// line loses nothing and shows nothing twice.

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 30_000;
const SILENCE_MS = 45_000; // the server speaks every 20 s
const SIGNED_OUT = 4401;

export class Live {
  /** `onState(state)`: connecting | live | waiting | signed_out */
  constructor(onState, url = liveUrl()) {
    this.onState = onState;
    this.url = url;
    this.topics = new Map();
    this.wait = FIRST_WAIT_MS;
    this.reconnects = -1;
    addEventListener("online", () => this.#soon());
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) this.#soon();
    });
    this.#connect();
  }

  /** `onFrame({id, topic, type, ts, data})`, `onReset()` when what lies between is gone. */
  subscribe(topic, { since = null, onFrame, onReset, onRefused }) {
    this.topics.set(topic, { position: since, onFrame, onReset, onRefused });
    this.#ask(topic);
  }

  unsubscribe(topic) {
    this.topics.delete(topic);
    this.#send({ op: "unsubscribe", topic });
  }

  #connect() {
    clearTimeout(this.timer);
    this.onState("connecting");
    this.reconnects += 1;
    const socket = new WebSocket(this.url);
    this.socket = socket;
    socket.addEventListener("open", () => {
      this.onState("live");
      this.#heard();
      for (const topic of this.topics.keys()) this.#ask(topic);
    });
    socket.addEventListener("message", (event) => {
      if (socket !== this.socket) return;
      this.#heard();
      this.#take(JSON.parse(event.data));
    });
    socket.addEventListener("close", (event) => {
      if (socket === this.socket) this.#closed(event.code);
    });
  }

  #take(frame) {
    const topic = this.topics.get(frame.topic);
    if (!topic) return;
    if (frame.type === "subscribed") {
      this.wait = FIRST_WAIT_MS; // a line that works: the next cut is a new one
    } else if (frame.type === "reset") {
      topic.position = frame.id || topic.position;
      topic.onReset?.(frame);
    } else if (frame.type === "error") {
      topic.onRefused?.(frame.data);
    } else if (frame.id && frame.type !== "unsubscribed") {
      if (!isNewer(frame.id, topic.position)) return;
      topic.position = frame.id;
      topic.onFrame(frame);
    }
  }

  #ask(topic) {
    const position = this.topics.get(topic).position;
    this.#send({ op: "subscribe", topic, last_event_id: position });
  }

  #send(message) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  #heard() {
    clearTimeout(this.silence);
    this.silence = setTimeout(() => this.#abandon(), SILENCE_MS);
  }

  /** A line that says nothing any more is as good as cut, whatever the browser thinks. */
  #abandon() {
    const socket = this.socket;
    this.socket = { readyState: WebSocket.CLOSED };
    socket.close();
    this.#closed(0);
  }

  #closed(code) {
    clearTimeout(this.silence);
    if (code === SIGNED_OUT) {
      this.onState("signed_out");
      return;
    }
    this.onState("waiting");
    const jitter = 0.5 + Math.random() * 0.5;
    this.timer = setTimeout(() => this.#connect(), this.wait * jitter);
    this.wait = Math.min(this.wait * 2, LONGEST_WAIT_MS);
  }

  #soon() {
    if (this.socket.readyState === WebSocket.CLOSED) this.#connect();
  }
}

function liveUrl() {
  return `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws/`;
}

/** Ids of a topic are numbers; those of the feed over all topics are `<xid>-<id>`. */
export function isNewer(id, position) {
  if (position === null || position === undefined || position === "$") return true;
  const [a, b = 0n] = String(id).split("-").map(BigInt);
  const [c, d = 0n] = String(position).split("-").map(BigInt);
  return a > c || (a === c && b > d);
}
