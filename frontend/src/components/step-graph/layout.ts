// Where the steps of a pipeline stand, and how their routes run. Layered by dagre from the routes
// that lead on; routes that lead back are drawn at the side, so that they never cross the steps.

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
  /** Lane of a back route: 0 is the innermost. */
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
  /** Left border of the column of steps; back routes run at the right of it. */
  right: number;
}

export const NODE_WIDTH = 176;
export const NODE_HEIGHT = 56;

/** `taken`: pairs “source target” that a run has gone. */
export function layoutSteps(steps: readonly StepNode[], edges: readonly StepRoute[], taken: ReadonlySet<string>): Layout {
  const place = new Map(steps.map((step, at) => [step.id, at]));
  const routes = mergedRoutes(place, edges, taken);
  const graph = new dagre.graphlib.Graph<object>();
  graph.setGraph({ rankdir: "TB", nodesep: 24, ranksep: 52, marginx: 8, marginy: 8 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const step of steps) graph.setNode(step.id, { width: NODE_WIDTH, height: NODE_HEIGHT });
  for (const route of routes) if (!route.isBack) graph.setEdge(route.source, route.target);
  dagre.layout(graph);
  const nodes = steps.map((step) => {
    const { x, y } = graph.node(step.id) as { x: number; y: number };
    return { id: step.id, x: x - NODE_WIDTH / 2, y: y - NODE_HEIGHT / 2 };
  });
  const right = Math.max(0, ...nodes.map((node) => node.x)) + NODE_WIDTH;
  const isFree = (id: string): boolean => {
    const own = nodes.find((node) => node.id === id);
    return !own || !nodes.some((node) => node.x > own.x && Math.abs(node.y - own.y) < NODE_HEIGHT);
  };
  for (const route of routes) {
    route.isSourceFree = isFree(route.source);
    route.isTargetFree = isFree(route.target);
  }
  assignLanes(routes.filter((route) => route.isBack), new Map(nodes.map((node) => [node.id, node.y])));
  const lanes = Math.max(0, ...routes.filter((route) => route.isBack).map((route) => route.lane + 1));
  return {
    nodes,
    routes,
    right,
    width: right + (lanes > 0 ? 10 + lanes * LANE_WIDTH + 24 : 8),
    height: Math.max(0, ...nodes.map((node) => node.y)) + NODE_HEIGHT + 8,
  };
}

export const LANE_WIDTH = 36;

/** Several results that lead the same way are one route with all their words. */
function mergedRoutes(place: ReadonlyMap<string, number>, edges: readonly StepRoute[], taken: ReadonlySet<string>): Route[] {
  const routes = new Map<string, Route & { words: string[] }>();
  const add = (source: string, target: string, word: string): void => {
    const from = place.get(source);
    const to = place.get(target);
    if (from === undefined || to === undefined) return;
    const id = `${source} ${target}`;
    const route = routes.get(id) ?? {
      id, source, target, label: "", words: [], isBack: to <= from, lane: 0, isSourceFree: true, isTargetFree: true,
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
  const span = (route: Route): [number, number] => [y.get(route.target) ?? 0, y.get(route.source) ?? 0];
  const length = (route: Route): number => span(route)[1] - span(route)[0];
  const lanes: [number, number][][] = [];
  for (const route of [...routes].sort((a, b) => length(a) - length(b))) {
    const [top, bottom] = span(route);
    const lane = lanes.findIndex((row) => row.every(([a, b]) => bottom < a || top > b));
    route.lane = lane < 0 ? lanes.length : lane;
    (lanes[route.lane] ??= []).push([top, bottom]);
  }
}
