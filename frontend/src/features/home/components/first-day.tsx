import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { X } from "lucide-react";
import type { ReactNode } from "react";

import { providersQuery } from "@/api/llm";
import { useMe } from "@/api/me";
import { usePreferences, useSetPreferences } from "@/api/preferences";
import { IconButton } from "@/components/ui/button";
import { Card, Section } from "@/components/ui/page-header";
import { StatusMark } from "@/components/ui/status";

import { newestRunsQuery } from "../queries";

const link = "text-accent hover:underline";

/** The first things to do; it leaves when they are done or somebody puts it away. */
export function FirstDay() {
  const me = useMe();
  const { first_day_done } = usePreferences();
  const keep = useSetPreferences();
  const providers = useQuery(providersQuery());
  const runs = useQuery(newestRunsQuery());
  if (!providers.data || !runs.data || me.role === "viewer" || first_day_done) return null;
  const hasKey = providers.data.some((provider) => provider.kind !== "scripted" && provider.keys.length > 0);
  const hasRun = runs.data.items.length > 0;
  if (hasKey && hasRun && me.second_factor) return null;
  return (
    <Section
      title="First day"
      actions={
        <IconButton label="Put the first day away" onClick={() => keep({ first_day_done: true })}>
          <X aria-hidden />
        </IconButton>
      }
    >
      <Card>
        <ol className="grid gap-2.5 text-sm">
          <Item done={hasKey} hint="Or use the scripted model: it needs no key and costs nothing.">
            <Link to="/settings/$section" params={{ section: "providers" }} className={link}>
              Add a provider key
            </Link>
          </Item>
          <Item done={hasRun} hint="A task, a repository, and a pipeline of agents.">
            <Link to="/runs" search={{ new: true }} className={link}>
              Start a first run
            </Link>
          </Item>
          <Item done={me.second_factor} hint="An app with codes, or a passkey.">
            <Link to="/profile/$section" params={{ section: "security" }} className={link}>
              Protect your account
            </Link>
          </Item>
        </ol>
      </Card>
    </Section>
  );
}

function Item({ done, hint, children }: { done: boolean; hint: string; children: ReactNode }) {
  return (
    <li className="flex gap-2">
      <StatusMark status={done ? "completed" : "pending"} word className="mt-0.5" />
      <div>
        {children}
        {done ? null : <span className="block text-xs text-muted">{hint}</span>}
      </div>
    </li>
  );
}
