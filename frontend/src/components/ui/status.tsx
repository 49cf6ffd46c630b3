import type { ReactNode } from "react";

import { cn } from "@/lib/cn";

import { Badge, toneClass, type Tone } from "./badge";

type Shape =
  | "ring" | "dashed" | "arc" | "pause" | "hand" | "check" | "cross" | "slash" | "skip" | "question";

interface State {
  word: string;
  tone: Tone;
  shape: Shape;
}

/** A shape, a word and a hue for each state. Never the hue alone. */
const STATES: Record<string, State> = {
  pending: { word: "Pending", tone: "quiet", shape: "ring" },
  queued: { word: "Queued", tone: "quiet", shape: "dashed" },
  starting: { word: "Starting", tone: "run", shape: "arc" },
  running: { word: "Running", tone: "run", shape: "arc" },
  working: { word: "Working", tone: "run", shape: "arc" },
  thinking: { word: "Thinking", tone: "run", shape: "arc" },
  finishing: { word: "Finishing", tone: "run", shape: "arc" },
  pausing: { word: "Pausing", tone: "warn", shape: "pause" },
  paused: { word: "Paused", tone: "warn", shape: "pause" },
  waiting_human: { word: "Needs you", tone: "human", shape: "hand" },
  parked: { word: "Parked", tone: "warn", shape: "pause" },
  cancelling: { word: "Stopping", tone: "warn", shape: "arc" },
  cancelled: { word: "Cancelled", tone: "quiet", shape: "slash" },
  completed: { word: "Completed", tone: "ok", shape: "check" },
  ok: { word: "OK", tone: "ok", shape: "check" },
  failed: { word: "Failed", tone: "bad", shape: "cross" },
  error: { word: "Error", tone: "bad", shape: "cross" },
  lost: { word: "Lost", tone: "warn", shape: "question" },
  skipped: { word: "Skipped", tone: "quiet", shape: "skip" },
  idle: { word: "Idle", tone: "quiet", shape: "ring" },
};

export function stateOf(status: string): State {
  return STATES[status] ?? { word: status || "Unknown", tone: "quiet", shape: "question" };
}

const circle = <circle cx="8" cy="8" r="6.25" />;
const disc = <circle cx="8" cy="8" r="7" fill="currentColor" stroke="none" />;
const cut = (d: string) => <path d={d} className="stroke-surface" strokeWidth="1.8" />;
const SHAPES: Record<Shape, ReactNode> = {
  ring: circle,
  dashed: <circle cx="8" cy="8" r="6.25" strokeDasharray="2.4 2.5" />,
  arc: (
    <>
      <circle cx="8" cy="8" r="6.25" opacity="0.25" />
      <path d="M8 1.75A6.25 6.25 0 0 1 14.25 8" className="spin-slow" />
    </>
  ),
  pause: <>{circle}<path d="M6.5 5.75v4.5M9.5 5.75v4.5" /></>,
  hand: <>{disc}{cut("M8 4.4v4.2M8 11.3v.1")}</>,
  check: <>{disc}{cut("M5 8.2l2.1 2.1L11.2 6")}</>,
  cross: <>{disc}{cut("M5.8 5.8l4.4 4.4M10.2 5.8l-4.4 4.4")}</>,
  slash: <>{circle}<path d="M4.2 11.8l7.6-7.6" /></>,
  skip: <path d="M2.5 10.5a5.5 4.5 0 0 1 10.3-1.6M13.4 5.6v3.6H9.8" />,
  question: <>{circle}<path d="M6.4 6.4a1.7 1.7 0 1 1 2.3 1.7c-.5.2-.7.5-.7 1M8 11.2v.1" /></>,
};

/** The shape of a state in its hue. It needs a word beside it, or `word` for readers. */
export function StatusMark({ status, word, className }: { status: string; word?: boolean; className?: string }) {
  const state = stateOf(status);
  return (
    <svg
      viewBox="0 0 16 16"
      className={cn(toneClass[state.tone], "size-4 shrink-0 text-tone", className)}
      fill="none"
      stroke="currentColor"
      strokeWidth="1.5"
      strokeLinecap="round"
      strokeLinejoin="round"
      {...(word ? { role: "img", "aria-label": state.word } : { "aria-hidden": true })}
    >
      {SHAPES[state.shape]}
    </svg>
  );
}

interface StatusProps {
  status: string;
  /** Instead of the usual word. */
  children?: ReactNode;
  className?: string;
}

/** Mark and word, in a line of text. */
export function Status({ status, children, className }: StatusProps) {
  return (
    <span className={cn("inline-flex items-center gap-1.5 align-bottom whitespace-nowrap", className)}>
      <StatusMark status={status} />
      {children ?? stateOf(status).word}
    </span>
  );
}

/** Mark and word in a pill, for headers. */
export function StatusBadge({ status, children, className }: StatusProps) {
  const state = stateOf(status);
  return (
    <Badge tone={state.tone} className={cn("h-6", className)}>
      <StatusMark status={status} className="size-3.5" />
      {children ?? state.word}
    </Badge>
  );
}
