import "@xyflow/react/dist/base.css";

import { BaseEdge, EdgeLabelRenderer, Handle, MarkerType, Position, ReactFlow, ReactFlowProvider, type Edge, type EdgeProps, type Node, type NodeProps } from "@xyflow/react";
import { Hand, Repeat, ShieldCheck } from "lucide-react";
import { useMemo } from "react";

import { StatusMark, stateOf } from "@/components/ui/status";
import { cn } from "@/lib/cn";
import { duration } from "@/lib/format";

import { LANE_WIDTH, layoutSteps, NODE_HEIGHT, NODE_WIDTH, type Route, type StepRoute } from "./layout";
import { NOT_REACHED, type ShownStep, type StepGraphProps } from "./types";

type StepData = { step: ShownStep; selected: boolean; isRun: boolean; onSelect: (id: string) => void };
type RouteData = { route: Route; right: number };

/** The steps and routes of a pipeline. `StepList` says the same in words. */
export function StepGraph({ steps, edges, taken, selected, onSelect, className }: StepGraphProps) {
  // The shape stays while figures change: only what it hangs on is laid out anew.
  const shape = JSON.stringify([steps.map((step) => step.id), edges, [...taken].sort()]);
  const layout = useMemo(() => {
    const [ids, routes, pairs] = JSON.parse(shape) as [string[], StepRoute[], string[]];
    return layoutSteps(ids.map((id) => ({ id })), routes, new Set(pairs));
  }, [shape]);
  const isRun = steps.some((step) => step.status !== "");
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
  // What the view is fitted to: the lanes of the routes back, too.
  const frame: Node<Record<string, never>, "frame"> = {
    id: FRAME, type: "frame", position: { x: 0, y: 0 }, width: layout.width, height: layout.height, data: {},
    draggable: false, selectable: false, focusable: false, zIndex: -1,
  };
  const flowEdges: Edge<RouteData>[] = layout.routes.map((route) => ({
    id: route.id,
    source: route.source,
    target: route.target,
    sourceHandle: route.isBack ? "side-out" : "bottom",
    targetHandle: route.isBack ? "side-in" : "top",
    type: "route",
    data: { route, right: layout.right },
    markerEnd: { type: MarkerType.ArrowClosed, width: 14, height: 14, color: route.taken ? "var(--accent)" : "var(--border-strong)" },
    focusable: false,
    zIndex: route.taken ? 1 : 0,
  }));
  return (
    <div className={cn("relative min-h-64 w-full", className)} data-testid="step-graph">
      <ReactFlowProvider>
        <ReactFlow
          key={shape}
          nodes={[frame, ...nodes]}
          edges={flowEdges}
          nodeTypes={NODE_TYPES}
          edgeTypes={EDGE_TYPES}
          fitView
          fitViewOptions={{ padding: 0.05, maxZoom: 1, minZoom: 0.4 }}
          minZoom={0.25}
          maxZoom={1.5}
          nodesConnectable={false}
          elementsSelectable={false}
          zoomOnScroll={false}
          preventScrolling={false}
          panOnScroll={false}
          disableKeyboardA11y
          proOptions={{ hideAttribution: true }}
          aria-label="Steps and routes; the list below says the same"
        />
      </ReactFlowProvider>
    </div>
  );
}

function StepBox({ data }: NodeProps<Node<StepData, "step">>) {
  const { step, selected, isRun, onSelect } = data;
  const unreached = isRun && step.status === NOT_REACHED;
  return (
    <>
      <Handle type="target" id="top" position={Position.Top} className="opacity-0!" />
      <Handle type="target" id="side-in" position={Position.Right} className="opacity-0!" />
      <button
        type="button"
        aria-pressed={selected}
        onClick={() => onSelect(step.id)}
        className={cn(
          "nopan flex h-full w-full flex-col justify-center gap-0.5 rounded-card border bg-surface px-2.5 text-left text-text",
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
      <Handle type="source" id="side-out" position={Position.Right} className="opacity-0!" />
    </>
  );
}

function RouteLine({ sourceX, sourceY, targetX, targetY, data, markerEnd, id }: EdgeProps<Edge<RouteData>>) {
  if (!data) return null;
  const { route, right } = data;
  const shift = route.isBack ? 10 : 0;
  const [path, x, y] = route.isBack
    ? backPath({ x: sourceX, y: sourceY + shift }, { x: targetX, y: targetY - shift }, right, route)
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
            className={cn("pointer-events-none absolute max-w-32 truncate rounded-[4px] bg-bg px-1 text-[10px]/4", route.taken ? "font-medium text-accent" : "text-muted")}
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
 * Out at the right, up along a lane, in again at the right. A step that has others at its right is
 * left and reached through the gap below or above its row, so that no line lies under a step.
 */
function backPath(from: Point, to: Point, right: number, route: Route): Path {
  const lane = right + 18 + route.lane * LANE_WIDTH;
  const y1 = route.isSourceFree ? from.y : from.y + GAP;
  const y2 = route.isTargetFree ? to.y : to.y - GAP;
  const out = y1 === from.y ? `M${from.x} ${from.y}` : `M${from.x} ${from.y}h6V${y1}`;
  const back = y2 === to.y ? `H${to.x}` : `H${to.x + 10}V${to.y}H${to.x}`;
  const path = `${out}H${lane - CORNER}Q${lane} ${y1} ${lane} ${y1 - CORNER}V${y2 + CORNER}Q${lane} ${y2} ${lane - CORNER} ${y2}${back}`;
  return [path, lane, (y1 + y2) / 2 + (route.lane % 2 === 0 ? -11 : 11)];
}

/** No step may have this id: it has a blank in it. */
const FRAME = "the frame";

function Frame() {
  return null;
}

const NODE_TYPES = { step: StepBox, frame: Frame };
const EDGE_TYPES = { route: RouteLine };
