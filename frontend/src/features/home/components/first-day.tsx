import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";

import { providersQuery } from "@/api/llm";
import { useMe } from "@/api/me";
import { Card, Section } from "@/components/ui/page-header";
import { StatusMark } from "@/components/ui/status";

import { newestRunsQuery } from "../queries";

/** The first things to do; it leaves when they are done. */
export function FirstDay() {
  const me = useMe();
  const providers = useQuery(providersQuery());
  const runs = useQuery(newestRunsQuery());
  if (!providers.data || !runs.data || me.role === "viewer") return null;
  const hasKey = providers.data.some((provider) => provider.kind !== "scripted" && provider.keys.length > 0);
  const hasRun = runs.data.items.length > 0;
  if (hasKey && hasRun) return null;
  return (
    <Section title="First day">
      <Card>
        <ul className="grid gap-2 text-sm">
          <Item done={hasKey}>
            <Link to="/settings/$section" params={{ section: "providers" }} className="text-accent hover:underline">
              Add a provider key
            </Link>
            <span className="block text-xs text-muted">Or use the scripted model: it needs none and costs nothing.</span>
          </Item>
          <Item done={hasRun}>
            <Link to="/runs" search={{ new: true }} className="text-accent hover:underline">
              Start a first run
            </Link>
          </Item>
        </ul>
      </Card>
    </Section>
  );
}

function Item({ done, children }: { done: boolean; children: ReactNode }) {
  return (
    <li className="flex gap-2">
      <StatusMark status={done ? "completed" : "pending"} word className="mt-0.5" />
      <div>{children}</div>
    </li>
  );
}
