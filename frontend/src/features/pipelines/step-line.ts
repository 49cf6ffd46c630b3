/** The line, counted from 1, on which a step begins; 0 when it is not found as people write it. */
export function lineOfStep(text: string, stepId: string): number {
  const lines = text.split("\n");
  const steps = lines.findIndex((line) => /^steps:/.test(line));
  const name = stepId.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const wanted = new RegExp(`^\\s*(?:- *)?\\{?\\s*id:\\s*["']?${name}["']?\\s*(?:[,}#]|$)`);
  const at = lines.findIndex((line, place) => place > steps && wanted.test(line.replace(/^\s*- */, "")));
  return steps < 0 || at < 0 ? 0 : at + 1;
}
