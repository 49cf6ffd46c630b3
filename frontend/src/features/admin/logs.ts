export interface LogLine {
  key: string;
  level: "info" | "warning" | "error";
  text: string;
}

/** The browser keeps so many lines; older ones are at the server. */
export const MOST_LINES = 20_000;

interface LogFrame {
  id?: string;
  type?: string;
  data?: { level?: string; text?: string };
}

/** A line out of one event of the log stream; null when it says something else. */
export function lineOf(text: string, key: string): LogLine | null {
  let frame: LogFrame;
  try {
    frame = JSON.parse(text) as LogFrame;
  } catch {
    return null;
  }
  if (typeof frame.data?.text !== "string") return null;
  const level = frame.data.level === "error" || frame.data.level === "warning" ? frame.data.level : "info";
  return { key, level, text: frame.data.text };
}

export const withLines = (old: readonly LogLine[], more: readonly LogLine[]): LogLine[] =>
  [...old, ...more].slice(-MOST_LINES);

export type Level = "all" | "warning" | "error";

export function shownLines(lines: readonly LogLine[], level: Level, search: string): LogLine[] {
  const wanted = search.toLowerCase();
  return lines.filter(
    (line) =>
      (level === "all" || line.level === "error" || line.level === level) &&
      (wanted === "" || line.text.toLowerCase().includes(wanted)),
  );
}
