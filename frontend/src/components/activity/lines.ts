import type { Frame } from "@/live/frames";

import type { Tone } from "../ui/badge";

/** One line of the feed: who, what, and where it leads. */
export interface Line {
  key: string;
  at: string;
  tone: Tone;
  text: string;
  runId: string;
  stepId: string;
  /** How often the same was told in a row. */
  times: number;
}

type Told = [tone: Tone, text: (data: Record<string, unknown>) => string];

const said = (data: Record<string, unknown>, name: string): string =>
  typeof data[name] === "string" ? data[name] : "";
const shortened = (text: string): string => (text.length > 140 ? `${text.slice(0, 139)}…` : text);

/** What is worth a line. The rest of the feed is for those who look at the run. */
const TOLD: Record<string, Told> = {
  RUN_CREATED: ["quiet", (data) => `Run created: ${shortened(said(data, "taskDescription"))}`],
  RUN_COMPLETE: ["ok", () => "Run completed"],
  RUN_FAILED: ["bad", (data) => `Run failed: ${shortened(said(data, "error") || said(data, "errorCode"))}`],
  RUN_CANCELLED: ["quiet", (data) => `Run cancelled${said(data, "reason") ? `: ${said(data, "reason")}` : ""}`],
  RUN_WAITING: ["warn", () => "Run waits for the disk"],
  RUN_FORECAST_EXCEEDED: ["warn", () => "Run is beyond its forecast"],
  STEP_STARTED: ["run", (data) => `${said(data, "agentId")} started ${said(data, "stepId")}`],
  STEP_COMPLETE: ["ok", (data) => `Step ${said(data, "stepId")} completed`],
  STEP_FAILED: ["bad", (data) => `Step ${said(data, "stepId")} failed: ${shortened(said(data, "error"))}`],
  STEP_RETRYING: ["warn", (data) => `Step ${said(data, "stepId")} is tried again`],
  STEP_PARKED: ["warn", (data) => `Step ${said(data, "stepId")} waits: ${shortened(said(data, "message"))}`],
  CHECK_FINISHED: ["quiet", (data) => `Check ${said(data, "name")}: ${said(data, "verdict")}`],
  APPROVAL_REQUESTED: ["human", (data) => `Step ${said(data, "stepId")} asks for approval`],
  APPROVAL_DECIDED: ["human", (data) => `Approval of ${said(data, "stepId")}: ${said(data, "decision")}`],
  HUMAN_INTERVENTION: ["human", (data) => `A person: ${said(data, "action")}`],
  NETWORK_BLOCKED: ["warn", (data) => `Network refused: ${said(data, "host")}`],
  "budget.soft": ["warn", () => "Budget nearly used up"],
  "budget.hard": ["bad", () => "Budget used up"],
  "llm.call.failed": ["warn", (data) => `Model call failed: ${said(data, "errorClass") || said(data, "model")}`],
};

export function lineOf(frame: Frame): Line | null {
  const told = TOLD[frame.type];
  if (!told) return null;
  const [tone, text] = told;
  return {
    key: frame.id,
    at: frame.ts,
    tone,
    text: text(frame.data),
    runId: said(frame.data, "runId"),
    stepId: said(frame.data, "stepId"),
    times: 1,
  };
}

/** The newest first, at most `most`; the same thing of the same run told again is counted. */
export function withLine(lines: readonly Line[], line: Line, most: number): Line[] {
  const [newest, ...rest] = lines;
  if (newest && newest.text === line.text && newest.runId === line.runId)
    return [{ ...line, times: newest.times + 1 }, ...rest];
  return [line, ...lines].slice(0, most);
}
