import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { TriangleAlert } from "lucide-react";

import { useMe } from "@/api/me";
import { statusQuery } from "@/api/system";

import { troubles } from "../troubles";

/** Only there when something is wrong. */
export function SystemAlert() {
  const me = useMe();
  const status = useQuery(statusQuery());
  const wrong = status.data ? troubles(status.data) : [];
  if (wrong.length === 0) return null;
  return (
    <div role="alert" className="tone-warn mb-6 flex gap-3 rounded-card border border-tone bg-tone-tint p-3 text-sm">
      <TriangleAlert className="mt-0.5 size-4 shrink-0 text-tone" aria-hidden />
      <ul className="min-w-0 flex-1">
        {wrong.map((each) => (
          <li key={each}>{each}</li>
        ))}
      </ul>
      {me.is_admin ? (
        <Link to="/admin/$section" params={{ section: "health" }} className="text-accent hover:underline">
          Health
        </Link>
      ) : null}
    </div>
  );
}
