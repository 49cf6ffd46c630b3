import type { Pipeline } from "@/api/pipelines";
import { Status } from "@/components/ui/status";

const words = (number: number, one: string): string => `${number} ${number === 1 ? one : `${one}s`}`;

/** Whether it can run, and how much there is to mend. */
export function Validity({ pipeline }: { pipeline: Pick<Pipeline, "valid" | "problems"> }) {
  const errors = pipeline.problems.filter((problem) => problem.severity === "error").length;
  const warnings = pipeline.problems.filter((problem) => problem.severity === "warning").length;
  if (!pipeline.valid) return <Status status="failed">{words(errors, "error")}</Status>;
  return <Status status="ok">Valid{warnings > 0 ? <span className="text-muted">, {words(warnings, "warning")}</span> : null}</Status>;
}
