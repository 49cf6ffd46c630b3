import { Link, useMatches } from "@tanstack/react-router";
import { ChevronRight } from "lucide-react";

declare module "@tanstack/react-router" {
  interface StaticDataRouteOption {
    /** The name of this level in the bar at the top. */
    crumb?: string;
  }
}

/** The levels above the page, each a link. A route names its level with `staticData: { crumb }`. */
export function Trail() {
  const levels = useMatches({
    select: (matches) =>
      matches.flatMap(({ id, pathname, staticData }) =>
        staticData.crumb ? [{ id, pathname, crumb: staticData.crumb }] : [],
      ),
  });
  return (
    <nav aria-label="Breadcrumb" className="min-w-0">
      <ol className="flex items-center gap-1 overflow-hidden text-sm whitespace-nowrap text-muted">
        {levels.map(({ id, pathname, crumb }, index) => (
          <li key={id} className="flex min-w-0 items-center gap-1">
            {index > 0 ? <ChevronRight className="size-3.5 shrink-0" aria-hidden /> : null}
            <Link
              to={pathname}
              className="truncate rounded-control px-1 py-0.5 hover:text-text"
              {...(index === levels.length - 1 ? { "aria-current": "page" } : {})}
            >
              {crumb}
            </Link>
          </li>
        ))}
      </ol>
    </nav>
  );
}
