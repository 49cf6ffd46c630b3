// Where the steps of a pipeline stand, and how their routes run. Layered by dagre from the routes
// that lead on, or in one column where there is little room; routes that lead back, and in a column
// those that pass steps over, run in lanes at the side, so that no line lies under a step.

import dagre from "@dagrejs/dagre";

export interface StepNode {
  id: string;
}

export interface StepRoute {
  source: string;
  target: string;
  kind: string;
}

export interface Placed {
  id: string;
  x: number;
  y: number;
}

export interface Route {
  id: string;
  source: string;
  target: string;
  /** Words of the results that choose it; empty for the plain way on. */
  label: string;
  isBack: boolean;
  /** Where its lane is; null: it runs from step to step. */
  side: "left" | "right" | null;
  /** 0 is the innermost. */
  lane: number;
  /** No step stands between its source, or its target, and the lanes. */
  isSourceFree: boolean;
  isTargetFree: boolean;
  taken: boolean;
}

export interface Layout {
  nodes: Placed[];
  routes: Route[];
  width: number;
  height: number;
  /** The borders between the steps and the lanes. */
  left: number;
  right: number;
  laneWidth: number;
}

export const NODE_WIDTH = 176;
export const NODE_HEIGHT = 56;

export type Shape = "layers" | "column";

const MARGIN = 8;
const LANES_AT = 18;
const LANE_WIDTH: Record<Shape, number> = { layers: 30, column: 22 };
const COLUMN_PITCH = NODE_HEIGHT + 44;

/** `taken`: pairs “source target” that a run has gone. */
export function layoutSteps(steps: readonly StepNode[], edges: readonly StepRoute[], taken: ReadonlySet<string>, shape: Shape = "layers"): Layout {
  const place = new Map(steps.map((step, at) => [step.id, at]));
  const routes = mergedRoutes(place, edges, taken);
  for (const route of routes) {
    const passes = (place.get(route.target) ?? 0) - (place.get(route.source) ?? 0) > 1;
    route.side = route.isBack ? "right" : shape === "column" && passes ? "left" : null;
  }
  const laneWidth = LANE_WIDTH[shape];
  const nodes = shape === "column" ? inColumn(steps) : inLayers(steps, routes);
  const y = new Map(nodes.map((node) => [node.id, node.y]));
  const lanesOf = (side: Route["side"]): number => {
    const own = routes.filter((route) => route.side === side);
    assignLanes(own, y);
    const lanes = Math.max(0, ...own.map((route) => route.lane + 1));
    return lanes > 0 ? LANES_AT + (lanes - 0.5) * laneWidth : MARGIN;
  };
  const left = lanesOf("left");
  for (const node of nodes) node.x += left;
  const right = Math.max(0, ...nodes.map((node) => node.x)) + NODE_WIDTH;
  const isFree = (id: string): boolean => {
    const own = nodes.find((node) => node.id === id);
    return !own || !nodes.some((node) => node.x > own.x && Math.abs(node.y - own.y) < NODE_HEIGHT);
  };
  for (const route of routes) {
    route.isSourceFree = isFree(route.source);
    route.isTargetFree = isFree(route.target);
  }
  return {
    nodes,
    routes,
    left,
    right,
    laneWidth,
    width: right + lanesOf("right"),
    height: Math.max(0, ...nodes.map((node) => node.y)) + NODE_HEIGHT + MARGIN,
  };
}

function inColumn(steps: readonly StepNode[]): Placed[] {
  return steps.map((step, at) => ({ id: step.id, x: 0, y: MARGIN + at * COLUMN_PITCH }));
}

function inLayers(steps: readonly StepNode[], routes: readonly Route[]): Placed[] {
  const graph = new dagre.graphlib.Graph<object>();
  graph.setGraph({ rankdir: "TB", nodesep: 24, ranksep: 52, marginx: 0, marginy: MARGIN });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const step of steps) graph.setNode(step.id, { width: NODE_WIDTH, height: NODE_HEIGHT });
  for (const route of routes) if (!route.isBack) graph.setEdge(route.source, route.target);
  dagre.layout(graph);
  return steps.map((step) => {
    const { x, y } = graph.node(step.id) as { x: number; y: number };
    return { id: step.id, x: x - NODE_WIDTH / 2, y: y - NODE_HEIGHT / 2 };
  });
}

/** The x of a lane of a route at a side. */
export const laneAt = (layout: Pick<Layout, "left" | "right" | "laneWidth">, route: Route): number =>
  route.side === "left" ? layout.left - LANES_AT - route.lane * layout.laneWidth : layout.right + LANES_AT + route.lane * layout.laneWidth;

/** Several results that lead the same way are one route with all their words. */
function mergedRoutes(place: ReadonlyMap<string, number>, edges: readonly StepRoute[], taken: ReadonlySet<string>): Route[] {
  const routes = new Map<string, Route & { words: string[] }>();
  const add = (source: string, target: string, word: string): void => {
    const from = place.get(source);
    const to = place.get(target);
    if (from === undefined || to === undefined) return;
    const id = `${source} ${target}`;
    const route = routes.get(id) ?? {
      id, source, target, label: "", words: [], isBack: to <= from, side: null, lane: 0, isSourceFree: true, isTargetFree: true,
      taken: taken.has(id),
    };
    if (word && !route.words.includes(word)) route.words.push(word);
    routes.set(id, route);
  };
  for (const edge of edges) add(edge.source, edge.target, routeWord(edge.kind));
  for (const pair of taken) {
    const [source = "", target = ""] = pair.split(" ");
    if (source !== target) add(source, target, ""); // another try of a step is no route
  }
  return [...routes.values()].map(({ words, ...route }) => ({ ...route, label: words.join(", ") }));
}

export function routeWord(kind: string): string {
  if (kind.startsWith("result:")) return kind.slice("result:".length);
  return { "loop:each": "each item", "loop:all": "all items" }[kind] ?? "";
}

/** Give each route the innermost lane in which it meets no other. */
function assignLanes(routes: Route[], y: ReadonlyMap<string, number>): void {
  const span = (route: Route): [number, number] => {
    const ends = [y.get(route.target) ?? 0, y.get(route.source) ?? 0];
    return [Math.min(...ends), Math.max(...ends)];
  };
  const length = (route: Route): number => span(route)[1] - span(route)[0];
  const lanes: [number, number][][] = [];
  for (const route of [...routes].sort((a, b) => length(a) - length(b))) {
    const [top, bottom] = span(route);
    const lane = lanes.findIndex((row) => row.every(([a, b]) => bottom < a || top > b));
    route.lane = lane < 0 ? lanes.length : lane;
    (lanes[route.lane] ??= []).push([top, bottom]);
  }
}
