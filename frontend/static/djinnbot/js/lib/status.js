// States: a shape, a word and a hue each. Never the hue alone.

import { h } from "./dom.js";

const STATES = {
  pending: ["Pending", "quiet", "ring"],
  queued: ["Queued", "quiet", "dashed"],
  starting: ["Starting", "run", "arc"],
  running: ["Running", "run", "arc"],
  finishing: ["Finishing", "run", "arc"],
  pausing: ["Pausing", "warn", "pause"],
  paused: ["Paused", "warn", "pause"],
  waiting_human: ["Needs you", "human", "hand"],
  cancelling: ["Stopping", "warn", "arc"],
  cancelled: ["Cancelled", "quiet", "slash"],
  completed: ["Completed", "ok", "check"],
  failed: ["Failed", "bad", "cross"],
  lost: ["Lost", "warn", "question"],
  skipped: ["Skipped", "quiet", "skip"],
  idle: ["Not reached", "quiet", "ring"],
};

const known = (status) => STATES[status] ?? [status || "Unknown", "quiet", "question"];
export const statusWord = (status) => known(status)[0];
export const statusTone = (status) => known(status)[1];

const circle = (props = {}) => h("circle", { cx: 8, cy: 8, r: 6.25, ...props });
const path = (d, props = {}) => h("path", { d, ...props });
const solid = () => circle({ class: "fill", r: 7 });
const SHAPES = {
  ring: () => [circle()],
  dashed: () => [circle({ class: "dashed" })],
  arc: () => [circle({ class: "track" }), path("M8 1.75A6.25 6.25 0 0 1 14.25 8", { class: "arc" })],
  pause: () => [circle(), path("M6.5 5.75v4.5M9.5 5.75v4.5")],
  hand: () => [solid(), path("M8 4.4v4.2M8 11.3v.1", { class: "cut" })],
  check: () => [solid(), path("M5 8.2l2.1 2.1L11.2 6", { class: "cut" })],
  cross: () => [solid(), path("M5.8 5.8l4.4 4.4M10.2 5.8l-4.4 4.4", { class: "cut" })],
  slash: () => [circle(), path("M4.2 11.8l7.6-7.6")],
  skip: () => [path("M2.5 10.5a5.5 4.5 0 0 1 10.3-1.6M13.4 5.6v3.6H9.8")],
  question: () => [circle(), path("M6.4 6.4a1.7 1.7 0 1 1 2.3 1.7c-.5.2-.7.5-.7 1M8 11.2v.1")],
};

export function statusMark(status) {
  const [, tone, shape] = known(status);
  return h("svg", { class: "mark", viewBox: "0 0 16 16", "aria-hidden": "true",
    dataset: { tone, shape } }, SHAPES[shape]());
}

export function statusLabel(status, word = statusWord(status)) {
  return h("span", { class: "status", dataset: { tone: statusTone(status) } },
    statusMark(status), word);
}

export function statusPill(status) {
  return h("span", { class: "pill", dataset: { tone: statusTone(status) } },
    statusMark(status), statusWord(status));
}

const ICONS = {
  plus: "M8 3v10M3 8h10",
  pause: "M6 3.5v9M10 3.5v9",
  play: "M5 3.2l8 4.8-8 4.8z",
  stop: "M4.5 4.5h7v7h-7z",
  hint: "M2.5 4h11v7h-6L4.5 13.5V11h-2z",
  restart: "M3 8a5 5 0 1 0 1.6-3.7M3 2.5v2.6h2.6",
  terminal: "M2.5 3.5h11v9h-11zM5 6.5l1.7 1.5L5 9.5M8.5 10h2.5",
  edit: "M3 13l.7-2.9L10.8 3l2.2 2.2-7.1 7.1z",
  read: "M4 2.5h5.5L12 5v8.5H4zM6 7h4M6 9.5h4",
  search: "M7 3a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM10 10l3 3",
  tool: "M9.5 3a3 3 0 0 0-2.8 4.2L3 11l2 2 3.8-3.7A3 3 0 0 0 13 5.5L11 7.5 8.5 5l2-2z",
  commit: "M8 5.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5zM2 8h3.5M10.5 8H14",
  branch: "M5 3v10M11 3.5v2c0 2.5-6 1.5-6 5",
  file: "M4 2.5h5.5L12 5v8.5H4zM9.5 2.5V5H12",
  copy: "M5.5 5.5h7.5v7.5H5.5zM3 10.5V3h7.5",
  chevron: "M6 4l4 4-4 4",
  back: "M10 4l-4 4 4 4",
  down: "M8 3v10M4 9l4 4 4-4",
  check: "M3.5 8.5l3 3 6-7",
  cross: "M4 4l8 8M12 4l-8 8",
  thought: "M8 2.5a5 5 0 0 0-3 9v2h6v-2a5 5 0 0 0-3-9zM6.5 15.5h3",
  more: "M3.5 8h.1M8 8h.1M12.5 8h.1",
  alert: "M8 2.5l6 10.5H2zM8 6.5v3M8 11.3v.1",
  loop: "M3 7a4.5 4 0 0 1 8.5-1.5M13 9a4.5 4 0 0 1-8.5 1.5M11.5 2.5v3h-3M4.5 13.5v-3h3",
  trash: "M3 4.5h10M6.5 4.5v-2h3v2M4.5 4.5l.6 9h5.8l.6-9",
  clock: "M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11zM8 5v3.2l2 1.5",
};

export function icon(name) {
  return h("svg", { class: "icon", viewBox: "0 0 16 16", "aria-hidden": "true" },
    h("path", { d: ICONS[name] ?? ICONS.tool }));
}
