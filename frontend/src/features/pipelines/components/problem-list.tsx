import { CircleAlert, Info, TriangleAlert } from "lucide-react";

import { toneClass, type Tone } from "@/components/ui/badge";
import { cn } from "@/lib/cn";

import type { Problem } from "../queries";

const LOOKS: Record<Problem["severity"], { tone: Tone; Icon: typeof Info; word: string }> = {
  error: { tone: "bad", Icon: CircleAlert, word: "Error" },
  warning: { tone: "warn", Icon: TriangleAlert, word: "Warning" },
  info: { tone: "quiet", Icon: Info, word: "Note" },
};

/** Every problem with its line and code; each leads to its line. */
export function ProblemList({ problems, onLine }: { problems: readonly Problem[]; onLine: (line: number) => void }) {
  if (problems.length === 0) return <p className="text-sm text-muted">Nothing to mend.</p>;
  return (
    <ol className="grid gap-0.5" aria-label="Problems">
      {problems.map((problem, at) => {
        const { tone, Icon, word } = LOOKS[problem.severity];
        return (
          <li key={at}>
            <button type="button" onClick={() => onLine(problem.line)} className={cn(toneClass[tone], "flex w-full items-start gap-2 rounded-control px-2 py-1.5 text-left text-sm hover:bg-sunken touch:min-h-11")}>
              <Icon className="mt-0.5 size-4 shrink-0 text-tone" aria-label={word} />
              <span className="w-14 shrink-0 text-muted">line {problem.line || "–"}</span>
              <code className="w-12 shrink-0 font-mono text-code text-tone">{problem.code}</code>
              <span className="min-w-0 flex-1 break-words">{problem.message}</span>
            </button>
          </li>
        );
      })}
    </ol>
  );
}
