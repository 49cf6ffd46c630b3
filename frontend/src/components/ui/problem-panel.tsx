import { Link } from "@tanstack/react-router";
import { CircleAlert } from "lucide-react";

import { problemOf, type Problem } from "@/api/problem";
import { cn } from "@/lib/cn";

import { Button } from "./button";
import { EmptyState } from "./empty-state";

interface ProblemPanelProps {
  /** Whatever was thrown. */
  problem: unknown;
  onRetry?: (() => void) | undefined;
  className?: string;
}

/** A region that failed: what, the id to ask about, and once more. The rest of the page lives. */
export function ProblemPanel({ problem: thrown, onRetry, className }: ProblemPanelProps) {
  const problem: Problem = problemOf(thrown);
  return (
    <div role="alert" className={cn("tone-bad flex gap-3 rounded-card border border-tone bg-tone-tint p-3 text-sm", className)}>
      <CircleAlert className="mt-0.5 size-4 shrink-0 text-tone" aria-hidden />
      <div className="min-w-0 flex-1">
        <p className="font-medium">{problem.title}</p>
        {problem.message !== problem.title ? <p className="mt-0.5 break-words">{problem.message}</p> : null}
        {problem.requestId ? (
          <p className="mt-1 font-mono text-xs break-all text-muted">Request {problem.requestId}</p>
        ) : null}
      </div>
      {onRetry ? (
        <Button size="sm" onClick={onRetry}>
          Retry
        </Button>
      ) : null}
    </div>
  );
}

/** A page that is not there, or not for this person: the same words for both. */
export function NotFound({ what = "page" }: { what?: string }) {
  return (
    <div className="p-6">
      <h1 className="sr-only">Not found</h1>
      <EmptyState
        title={`There is no such ${what}, or you may not see it.`}
        action={
          <Button asChild>
            <Link to="/">Home</Link>
          </Button>
        }
      />
    </div>
  );
}
