import "@xyflow/react/dist/base.css";

import { BaseEdge, EdgeLabelRenderer, Handle, MarkerType, PanOnScrollMode, Position, ReactFlow, ReactFlowProvider, type Edge, type EdgeProps, type Node, type NodeProps, type ReactFlowInstance } from "@xyflow/react";
import { Hand, Maximize, Minus, Plus, Repeat, ShieldCheck } from "lucide-react";
import { useCallback, useEffect, useMemo, useState } from "react";

import { IconButton } from "@/components/ui/button";
import { StatusMark, stateOf } from "@/components/ui/status";
import { cn } from "@/lib/cn";
import { duration } from "@/lib/format";

import { type Layout, laneAt, layoutSteps, NODE_HEIGHT, NODE_WIDTH, type Route, type StepRoute } from "./layout";
import { NOT_REACHED, type ShownStep, type StepGraphProps } from "./types";

type StepData = { step: ShownStep; selected: boolean; isRun: boolean; onSelect: (id: string) => void };
type RouteData = { route: Route; lane: number };

/** Below it nobody can read the steps: then the graph is moved instead. */
const READABLE_ZOOM = 0.8;
const MAX_ZOOM = 1.5;
const EDGE_PX = 12;

/** The steps and routes of a pipeline. `StepList` says the same in words. */
export function StepGraph({ steps, edges, taken, selected, onSelect, shape = "layers", className }: StepGraphProps) {
  // The layout stays while figures change: only what it hangs on is laid out anew.
  const known = JSON.stringify([steps.map((step) => step.id), edges, [...taken].sort()]);
  const layout = useMemo(() => {
    const [ids, routes, pairs] = JSON.parse(known) as [string[], StepRoute[], string[]];
    return layoutSteps(ids.map((id) => ({ id })), routes, new Set(pairs), shape);
  }, [known, shape]);
  const isRun = steps.some((step) => step.status !== "");
  const at = selected || (steps.find((step) => step.status === "running")?.id ?? "");
  const { setFlow, setPlace, fit, zoomBy } = useView(layout, at);
  const places = new Map(layout.nodes.map((node) => [node.id, node]));
  const nodes: Node<StepData, "step">[] = steps.map((step) => ({
    id: step.id,
    type: "step",
    position: places.get(step.id) ?? { x: 0, y: 0 },
    width: NODE_WIDTH,
    height: NODE_HEIGHT,
    data: { step, selected: selected === step.id, isRun, onSelect },
    draggable: false,
    selectable: false,
    focusable: false,
  }));
  // What was gone is drawn last: over the rest, but under the words.
  const drawn = layout.routes.toSorted((a, b) => Number(a.taken) - Number(b.taken));
  const flowEdges: Edge<RouteData>[] = drawn.map((route) => ({
    id: route.id,
    source: route.source,
    target: route.target,
    sourceHandle: route.side ? `${route.side}-out` : "bottom",
    targetHandle: route.side ? `${route.side}-in` : "top",
    type: "route",
    data: { route, lane: laneAt(layout, route) },
    markerEnd: { type: MarkerType.ArrowClosed, width: 14, height: 14, color: route.taken ? "var(--accent)" : "var(--border-strong)" },
    focusable: false,
  }));
  return (
    <div ref={setPlace} className={cn("relative min-h-64 w-full", className)} data-testid="step-graph">
      <ReactFlowProvider>
        <ReactFlow
          key={known}
          nodes={nodes}
          edges={flowEdges}
          nodeTypes={NODE_TYPES}
          edgeTypes={EDGE_TYPES}
          onInit={setFlow}
          minZoom={READABLE_ZOOM / 2}
          maxZoom={MAX_ZOOM}
          nodesConnectable={false}
          elementsSelectable={false}
          zoomOnScroll={false}
          preventScrolling={shape === "column"}
          panOnScroll={shape === "column"}
          panOnScrollMode={PanOnScrollMode.Vertical}
          disableKeyboardA11y
          proOptions={{ hideAttribution: true }}
          aria-label="Steps and routes; the list says the same"
        />
      </ReactFlowProvider>
      <div className="absolute right-1 bottom-1 flex gap-0.5 rounded-control bg-surface/80">
        <IconButton label="Smaller" className="size-7" onClick={() => zoomBy(1 / 1.2)}><Minus aria-hidden /></IconButton>
        <IconButton label="Larger" className="size-7" onClick={() => zoomBy(1.2)}><Plus aria-hidden /></IconButton>
        <IconButton label="Fit the graph" className="size-7" onClick={fit}><Maximize aria-hidden /></IconButton>
      </div>
    </div>
  );
}

type Flow = ReactFlowInstance<Node<StepData, "step">, Edge<RouteData>>;

/** The part of the graph in view: its top at first, readable; then the step that matters. */
function useView(layout: Layout, step: string) {
  const [flow, setFlow] = useState<Flow | null>(null);
  const [place, setPlace] = useState<HTMLDivElement | null>(null);
  const fit = useCallback((): void => {
    if (!flow || !place || place.clientWidth === 0) return;
    const { clientWidth, clientHeight } = place;
    const wanted = Math.min((clientWidth - 2 * EDGE_PX) / layout.width, (clientHeight - 2 * EDGE_PX) / layout.height, 1);
    const zoom = Math.max(READABLE_ZOOM, wanted);
    const centred = (room: number, size: number): number => Math.max(EDGE_PX, (room - size * zoom) / 2);
    const y = layout.height * zoom > clientHeight ? EDGE_PX : Math.min(centred(clientHeight, layout.height), 4 * EDGE_PX);
    void flow.setViewport({ x: centred(clientWidth, layout.width), y, zoom });
  }, [flow, place, layout]);

  useEffect(() => {
    if (!place) return undefined;
    const observer = new ResizeObserver(fit);
    observer.observe(place);
    return () => observer.disconnect();
  }, [place, fit]);

  useEffect(() => {
    const node = layout.nodes.find((each) => each.id === step);
    if (!flow || !place || !node) return;
    const { x, y, zoom } = flow.getViewport();
    const top = y + node.y * zoom;
    const bottom = top + NODE_HEIGHT * zoom;
    const shift = top < EDGE_PX ? EDGE_PX - top : bottom > place.clientHeight - EDGE_PX ? place.clientHeight - EDGE_PX - bottom : 0;
    if (shift !== 0) void flow.setViewport({ x, y: y + shift, zoom });
  }, [flow, place, layout, step]);

  const zoomBy = (factor: number): void => void flow?.zoomTo(flow.getZoom() * factor);
  return { setFlow, setPlace, fit, zoomBy };
}

function StepBox({ data }: NodeProps<Node<StepData, "step">>) {
  const { step, selected, isRun, onSelect } = data;
  const unreached = isRun && step.status === NOT_REACHED;
  return (
    <>
      <Handle type="target" id="top" position={Position.Top} className="opacity-0!" />
      <Handle type="target" id="right-in" position={Position.Right} className="opacity-0!" />
      <Handle type="target" id="left-in" position={Position.Left} className="opacity-0!" />
      <button
        type="button"
        aria-pressed={selected}
        onClick={() => onSelect(step.id)}
        className={cn(
          "nopan pointer-events-auto flex h-full w-full flex-col justify-center gap-0.5 rounded-card border bg-surface px-2.5 text-left text-text",
          selected ? "border-accent outline-2 outline-accent" : "hover:border-border-strong",
          unreached && "border-dashed bg-bg text-muted",
        )}
      >
        <span className="flex w-full items-center gap-1.5">
          {isRun ? <StatusMark status={step.status} /> : null}
          <span className="min-w-0 flex-1 truncate text-sm font-semibold" title={step.id}>{step.id}</span>
          {step.visits > 1 ? <span className="text-xs text-muted" title={`${step.visits} visits`}>×{step.visits}</span> : null}
          {step.loop ? <span className="flex items-center gap-0.5 text-xs text-muted" title={`${step.loop.done} of ${step.loop.all} items are done`}><Repeat aria-hidden className="size-3" />{step.loop.done}/{step.loop.all}</span> : null}
          {step.isLoop && !step.loop ? <Repeat className="size-3.5 text-muted" aria-label="loop" /> : null}
          {step.approval ? <Hand className="size-3.5 text-human" aria-label="a person must agree" /> : null}
          {step.checks ? <ShieldCheck className="size-3.5 text-muted" aria-label={`${step.checks} checks`} /> : null}
        </span>
        <span className="w-full truncate text-xs text-muted">
          {isRun ? <span className="sr-only">{stateOf(step.status).word}, </span> : null}
          {[step.agent, step.seconds > 0 ? duration(step.seconds) : "", step.result].filter(Boolean).join(" · ")}
        </span>
      </button>
      <Handle type="source" id="bottom" position={Position.Bottom} className="opacity-0!" />
      <Handle type="source" id="right-out" position={Position.Right} className="opacity-0!" />
      <Handle type="source" id="left-out" position={Position.Left} className="opacity-0!" />
    </>
  );
}

function RouteLine({ sourceX, sourceY, targetX, targetY, data, markerEnd, id }: EdgeProps<Edge<RouteData>>) {
  if (!data) return null;
  const { route, lane } = data;
  const shift = route.side ? 10 : 0;
  const [path, x, y] = route.side
    ? lanePath({ x: sourceX, y: sourceY + shift }, { x: targetX, y: targetY - shift }, lane, route)
    : onPath(sourceX, sourceY, targetX, targetY);
  return (
    <>
      <BaseEdge
        id={id}
        path={path}
        {...(markerEnd ? { markerEnd } : {})}
        className={cn("fill-none", route.taken ? "stroke-accent! [stroke-width:2]!" : "stroke-border-strong! [stroke-dasharray:4_3]")}
      />
      {route.label ? (
        <EdgeLabelRenderer>
          <span
            className={cn(
              "pointer-events-none absolute truncate rounded-[4px] bg-surface text-xs/4",
              route.side ? "max-h-32 py-1 [writing-mode:vertical-rl]" : "max-w-32 px-1",
              route.taken ? "font-medium text-accent" : "text-muted",
            )}
            style={{ transform: `translate(-50%, -50%) translate(${x}px, ${y}px)` }}
          >
            {route.label}
          </span>
        </EdgeLabelRenderer>
      ) : null}
    </>
  );
}

type Path = [path: string, labelX: number, labelY: number];

function onPath(x1: number, y1: number, x2: number, y2: number): Path {
  const middle = (y1 + y2) / 2;
  return [`M${x1} ${y1}C${x1} ${middle} ${x2} ${middle} ${x2} ${y2}`, (x1 + x2) / 2, middle];
}

interface Point {
  x: number;
  y: number;
}

const CORNER = 8;
const GAP = NODE_HEIGHT / 2 + 14;

/**
 * Out at a side, along a lane, in again at that side. A step that has others at that side is left
 * and reached through the gap below or above its row, so that no line lies under a step.
 */
function lanePath(from: Point, to: Point, lane: number, route: Route): Path {
  const out = route.side === "left" ? -1 : 1;
  const y1 = route.isSourceFree ? from.y : from.y + GAP;
  const y2 = route.isTargetFree ? to.y : to.y - GAP;
  const along = Math.sign(y2 - y1) || -1;
  const leave = y1 === from.y ? `M${from.x} ${from.y}` : `M${from.x} ${from.y}h${out * 6}V${y1}`;
  const enter = y2 === to.y ? `H${to.x}` : `H${to.x + out * 10}V${to.y}H${to.x}`;
  const turn = lane - out * CORNER;
  const path = `${leave}H${turn}Q${lane} ${y1} ${lane} ${y1 + along * CORNER}V${y2 - along * CORNER}Q${lane} ${y2} ${turn} ${y2}${enter}`;
  return [path, lane, (y1 + y2) / 2];
}

const NODE_TYPES = { step: StepBox };
const EDGE_TYPES = { route: RouteLine };
