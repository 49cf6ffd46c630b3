import { createFileRoute } from "@tanstack/react-router";

import { ComparePage } from "@/features/runs/components/compare-page";
import { compareSearch } from "@/features/runs/search";

export const Route = createFileRoute("/_shell/runs/compare")({
  validateSearch: compareSearch,
  staticData: { crumb: "Compare" },
  component: CompareRoute,
});

function CompareRoute() {
  const { a, b } = Route.useSearch();
  return <ComparePage key={`${a} ${b}`} a={a} b={b} />;
}
