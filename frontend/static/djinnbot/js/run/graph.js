// The steps of the pipeline as a line from top to bottom. Routes that skip steps run at the right,
// routes that go back at the left; those that the run has taken are drawn strong.

import { h } from "../lib/dom.js";
import { between, duration, now } from "../lib/format.js";
import { icon, statusMark, statusTone, statusWord } from "../lib/status.js";

const ROW = 64;
const DOT = 30; // where the mark of a row lies, from its top
const LANE = 13;

/** `graph`: nodes and edges; `run`: executions and loops; answers elements. */
export function stepGraph({ graph, run, selected }) {
  const nodes = graph.nodes;
  const index = new Map(nodes.map((node, at) => [node.step_id, at]));
  const taken = takenMoves(graph);
  const edges = uniqueEdges(graph.edges, index, taken);
  const back = lanes(edges.filter((edge) => edge.to <= edge.from));
  const skip = lanes(edges.filter((edge) => edge.to > edge.from + 1));
  const left = 10 + laneCount(back) * LANE;
  const right = 6 + laneCount(skip) * LANE;
  const height = nodes.length * ROW;
  return h("div", { class: "graph" },
    h("div", { class: "gutter" }, gutter(back, left, height, "back")),
    h("ol", { class: "steps" }, nodes.map((node, at) =>
      stepRow({ node, at, last: at === nodes.length - 1, run, edges, selected }))),
    h("div", { class: "gutter" }, gutter(skip, right, height, "onward")));
}

function stepRow({ node, at, last, run, edges, selected }) {
  const executions = run.executions.filter(
    (row) => row.step_id === node.step_id && row.generation === run.generation && !row.superseded);
  const latest = executions.at(-1);
  const status = latest ? shownStatus(latest, run) : "idle";
  const visits = Math.max(0, ...executions.map((row) => row.visit));
  const loop = run.loops.filter((entry) => entry.step_id === node.step_id
    && entry.items.some((part) => part.kind === "item")).at(-1);
  const onward = edges.find((edge) => edge.from === at && edge.to === at + 1);
  const routes = edges.filter((edge) => edge.from === at && edge.labels.length > 0);
  return h("li", { class: `step${latest ? "" : " unreached"}${last ? " last" : ""}`,
    dataset: { key: node.step_id, tone: statusTone(status), onward: onward?.taken ? "taken" : undefined } },
    h("button", { type: "button", "aria-pressed": String(selected === node.step_id),
      dataset: { action: "select-step", step: node.step_id } },
      statusMark(status),
      h("span", { class: "what" },
        h("span", { class: "name" }, node.step_id,
          visits > 1 && h("span", { class: "visits num", title: `${visits} visits` }, `×${visits}`),
          loop && loopBadge(loop)),
        h("span", { class: "who" }, h("span", { class: "visually-hidden" }, `${statusWord(status)}, `),
          node.agent_id, latest?.started_at && h("span", { class: "num" }, " · ", timeOf(executions)),
          resultWord(latest) && ` · ${resultWord(latest)}`)),
      routes.length > 0 && h("span", { class: "visually-hidden" }, routeWords(routes))));
}

/** The result that chose the route, such as APPROVED. */
export const resultWord = (row) => (row?.status === "completed" ? row.result_key || "" : "");

function routeWords(routes) {
  return `. Routes: ${routes.map((edge) =>
    `${edge.labels.join(" or ")} to ${edge.target}${edge.taken ? ", taken" : ""}`).join("; ")}`;
}

export function shownStatus(execution, run) {
  if (execution.status === "pending" && run.status === "waiting_human") return "waiting_human";
  return execution.status;
}

function timeOf(executions) {
  const ms = executions.reduce((sum, row) => {
    if (!row.started_at) return sum;
    return sum + (row.finished_at ? Date.parse(row.finished_at) : now()) - Date.parse(row.started_at);
  }, 0);
  return duration(ms);
}

function loopBadge(loop) {
  const items = loop.items.filter((entry) => entry.kind === "item");
  const done = items.filter((entry) => entry.status === "completed").length;
  return h("span", { class: "loop-badge num", title: `${done} of ${items.length} items are done` },
    icon("loop"), `${done}/${items.length}`);
}

function takenMoves(graph) {
  const stepOf = new Map(graph.executions.map((row) => [row.id, row.step_id]));
  return new Set(graph.path.map((move) => `${stepOf.get(move.source)} ${stepOf.get(move.target)}`));
}

function uniqueEdges(all, index, taken) {
  const found = new Map();
  const add = (source, target, label) => {
    if (!index.has(source) || !index.has(target)) return;
    const key = `${source} ${target}`;
    const edge = found.get(key) ?? { source, target, from: index.get(source), to: index.get(target),
      labels: [], taken: taken.has(key) };
    if (label && !edge.labels.includes(label)) edge.labels.push(label);
    found.set(key, edge);
  };
  for (const edge of all) add(edge.source, edge.target, edgeLabel(edge.kind));
  for (const key of taken) {
    const [source, target] = key.split(" ");
    if (source !== target) add(source, target, ""); // another try of a step is no route
  }
  return [...found.values()];
}

function edgeLabel(kind) {
  if (kind.startsWith("result:")) return kind.slice("result:".length);
  return { "loop:each": "each item", "loop:all": "all items" }[kind] ?? "";
}

/** Give each edge the innermost lane in which it meets no other. */
function lanes(edges) {
  const rows = [];
  const byLength = [...edges].sort((a, b) => Math.abs(a.to - a.from) - Math.abs(b.to - b.from));
  for (const edge of byLength) {
    const top = Math.min(edge.from, edge.to);
    const bottom = Math.max(edge.from, edge.to);
    let lane = rows.findIndex((row) => row.every(([a, b]) => bottom < a || top > b));
    if (lane < 0) lane = rows.push([]) - 1;
    rows[lane].push([top, bottom]);
    edge.lane = lane;
  }
  return edges;
}

const laneCount = (edges) => Math.max(0, ...edges.map((edge) => edge.lane + 1));

function gutter(edges, width, height, side) {
  if (edges.length === 0) return null;
  const drawn = [...edges].sort((a, b) => Number(a.taken) - Number(b.taken));
  return h("svg", { class: `routes ${side}`, width, height, viewBox: `0 0 ${width} ${height}`,
    "aria-hidden": "true" }, drawn.map((edge) => route(edge, width, side)));
}

function route(edge, width, side) {
  const loop = edge.from === edge.to;
  const y1 = edge.from * ROW + DOT + (loop ? 9 : 4);
  const y2 = edge.to * ROW + DOT - (loop ? 9 : 4);
  const inner = side === "back" ? width : 0;
  const outer = side === "back" ? width - 8 - edge.lane * LANE : 6 + edge.lane * LANE;
  const turn = side === "back" ? -1 : 1;
  const radius = 6;
  const way = y2 > y1 ? 1 : -1;
  const d = `M${inner} ${y1}H${outer - turn * radius}Q${outer} ${y1} ${outer} ${y1 + way * radius}`
    + `V${y2 - way * radius}Q${outer} ${y2} ${outer - turn * radius} ${y2}H${inner - turn * -2}`;
  const tip = inner + turn * 1;
  const arrow = `M${tip + turn * 5} ${y2 - 3.5}L${tip} ${y2}l${turn * 5} 3.5`;
  const label = edge.labels.join(", ");
  return h("g", { class: `route${edge.taken ? " taken" : ""}` },
    h("path", { class: "hit", d }, label && titleOf(label)), h("path", { d }), h("path", { d: arrow }));
}

function titleOf(text) {
  const title = document.createElementNS("http://www.w3.org/2000/svg", "title");
  title.textContent = text;
  return title;
}

/** The way the run has taken: one bar an attempt, as wide as it was long. */
export function pathStrip({ run, selectedKey }) {
  const rows = run.executions.filter((row) => row.generation === run.generation);
  if (rows.length === 0) return null;
  return h("ol", { class: "path", "aria-label": "Steps in the order in which they ran" },
    rows.map((row) => {
      const status = shownStatus(row, run);
      const key = `${row.step_id}/${row.visit}/${row.attempt}`;
      return h("li", { class: row.superseded ? "superseded" : "", dataset: { key } },
        h("button", { type: "button", "aria-pressed": String(selectedKey === key),
          dataset: { action: "go-section", key, tone: statusTone(status) },
          title: `${row.step_id}, ${statusWord(status)}, ${between(row.started_at, row.finished_at) || "not started"}` },
          statusMark(status), h("span", null, row.step_id),
          row.loop_item && h("span", { class: "muted num" }, `item ${row.loop_item.index + 1}`),
          row.attempt > 1 && h("span", { class: "muted num" }, `try ${row.attempt}`),
          resultWord(row) && h("span", { class: "muted" }, resultWord(row)),
          h("span", { class: "visually-hidden" }, statusWord(status))));
    }));
}
