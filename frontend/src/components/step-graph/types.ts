import type { Shape, StepRoute } from "./layout";

/** A step as the graph shows it, of a run or of a pipeline alone. */
export interface ShownStep {
  id: string;
  agent: string;
  /** Empty: the pipeline alone, no run. */
  status: string;
  visits: number;
  seconds: number;
  result: string;
  model: string;
  loop: { done: number; all: number } | null;
  isLoop?: boolean;
  approval?: boolean;
  checks?: number;
}

export interface StepGraphProps {
  steps: ShownStep[];
  edges: StepRoute[];
  taken: ReadonlySet<string>;
  selected: string;
  onSelect: (stepId: string) => void;
  /** `column`: for a narrow place. */
  shape?: Shape;
  className?: string;
}

/** Of a step that the run has not come to. */
export const NOT_REACHED = "idle";
