import { StatusMark } from "@/components/ui/status";
import { cn } from "@/lib/cn";
import { duration } from "@/lib/format";

import { NOT_REACHED, type StepGraphProps } from "./types";

/** The graph in words, with the same function. */
export function StepList({ steps, edges, taken, selected, onSelect }: Omit<StepGraphProps, "className" | "shape">) {
  return (
    <ol className="grid gap-1" aria-label="Steps">
      {steps.map((step) => {
        const routes = edges.filter((edge) => edge.source === step.id);
        return (
          <li key={step.id}>
            <button
              type="button"
              aria-pressed={selected === step.id}
              onClick={() => onSelect(step.id)}
              className={cn("flex min-h-9 w-full items-start gap-2 rounded-control border px-2 py-1.5 text-left text-sm touch:min-h-11",
                selected === step.id ? "border-accent bg-accent-tint" : "border-transparent hover:bg-sunken", step.status === NOT_REACHED && "text-muted")}
            >
              {step.status ? <StatusMark status={step.status} word className="mt-0.5" /> : null}
              <span className="min-w-0 flex-1">
                <span className="font-medium">{step.id}</span>
                {step.visits > 1 ? <span className="text-muted"> ×{step.visits}</span> : null}
                {step.loop ? <span className="text-muted"> · {step.loop.done} of {step.loop.all} items</span> : null}
                <span className="block text-xs text-muted">{[step.agent, step.seconds > 0 ? duration(step.seconds) : "", step.result].filter(Boolean).join(" · ")}</span>
                {routes.length > 0 ? (
                  <span className="block text-xs text-muted">
                    {routes.map((route) => `${route.kind.startsWith("result:") ? `${route.kind.slice(7)} ` : ""}→ ${route.target}${taken.has(`${route.source} ${route.target}`) ? " ✓" : ""}`).join(", ")}
                  </span>
                ) : null}
              </span>
            </button>
          </li>
        );
      })}
    </ol>
  );
}
