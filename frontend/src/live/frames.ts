/** An event, or a word of the server's own about the stream (`reset`, `error`, …). */
export interface Frame<Data = Record<string, unknown>> {
  /** The position to resume from. Empty for the server's own words. */
  id: string;
  topic: string;
  type: string;
  ts: string;
  data: Data;
}

export interface ClientMessage {
  op: "subscribe" | "unsubscribe" | "ping";
  topic?: string;
  last_event_id?: string | null;
}

export interface Listener {
  /** Each event after the listener's position, once and in order. */
  onFrame: (frame: Frame) => void;
  /** Something in between is gone: fetch anew. */
  onReset?: (frame: Frame) => void;
  /** There is no such topic, or not for this person. */
  onRefused?: (data: { code?: string; detail?: string }) => void;
}
