import { keepPreviousData, queryOptions, useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { Command } from "cmdk";
import { Bot, Clock, CornerDownLeft, Workflow, Zap } from "lucide-react";
import { useState, type ReactNode } from "react";

import { api, ok } from "@/api/client";
import { useMe } from "@/api/me";
import { signOut } from "@/api/sign-out";
import { useTheme } from "@/components/theme";
import { Kbd } from "@/components/ui/badge";
import { StatusMark } from "@/components/ui/status";
import { useBindings } from "@/hooks/use-keymap";
import { useSettled } from "@/hooks/use-settled";
import { keyCaps } from "@/lib/keymap";

import { navFor } from "./nav";
import { recentPages } from "./recent";

const RUNS_SHOWN = 6;
const SEARCH_MS = 150;

const runsQuery = (search: string) =>
  queryOptions({
    queryKey: ["palette", "runs", search],
    queryFn: ({ signal }) =>
      ok(api.GET("/v1/runs", { params: { query: { search, limit: RUNS_SHOWN } }, signal })),
    enabled: search.length > 1,
    placeholderData: keepPreviousData,
  });

const agentsQuery = queryOptions({
  queryKey: ["palette", "agents"],
  queryFn: ({ signal }) => ok(api.GET("/v1/agents", { signal })),
});

const pipelinesQuery = queryOptions({
  queryKey: ["palette", "pipelines"],
  queryFn: ({ signal }) => ok(api.GET("/v1/pipelines", { signal })),
});

const row =
  "flex h-9 items-center gap-2.5 rounded-control px-2 text-sm data-[selected=true]:bg-sunken touch:h-11 [&_svg]:size-4 [&_svg]:shrink-0";
const group =
  "px-2 pb-1 [&_[cmdk-group-heading]]:px-2 [&_[cmdk-group-heading]]:py-1.5 [&_[cmdk-group-heading]]:text-xs [&_[cmdk-group-heading]]:text-muted";

/**
 * Everything by its name: actions of this page, pages, recent ones, runs, agents, pipelines.
 * `>` only actions, `@` only agents, `/` only pages.
 */
export function Palette({ onClose }: { onClose: () => void }) {
  const me = useMe();
  const navigate = useNavigate();
  const { choose, shown } = useTheme();
  const bindings = useBindings();
  const [typed, setTyped] = useState("");
  const prefix = /^[>@/]/.exec(typed)?.[0] ?? "";
  const text = typed.slice(prefix.length).trim();
  const settled = useSettled(prefix ? "" : text, SEARCH_MS);
  const runs = useQuery(runsQuery(settled));
  const agents = useQuery(agentsQuery);
  const pipelines = useQuery(pipelinesQuery);
  const has = (kind: string) => prefix === "" || prefix === kind;

  const then = (work: () => void) => () => {
    onClose();
    work();
  };
  const go = (path: string) => then(() => void navigate({ to: path }));
  const actions = bindings.filter((binding) => binding.group !== "Go to" && binding.keys !== "mod+k");
  return (
    <Command
      label="Command palette"
      loop
      filter={(value, search) => {
        const wanted = search.replace(/^[>@/]/, "").trim().toLowerCase();
        return value.toLowerCase().includes(wanted) ? 1 : 0;
      }}
    >
      <Command.Input
        autoFocus
        value={typed}
        onValueChange={setTyped}
        placeholder="Find a page, run, agent or action"
        className="h-12 w-full border-b bg-transparent px-4 text-base outline-none placeholder:text-muted"
      />
      <Command.List className="max-h-[50vh] overflow-y-auto py-2">
        <Command.Empty className="px-4 py-6 text-center text-sm text-muted">Nothing has this name.</Command.Empty>
        {has(">") ? (
          <Command.Group heading="Actions" className={group}>
            {actions.map((binding) => (
              <Item key={binding.keys} value={`${binding.label} ${binding.group}`} icon={<Zap aria-hidden />} keys={binding.keys} onSelect={then(() => binding.run())}>
                {binding.label}
              </Item>
            ))}
            <Item value="Switch between light and dark theme" icon={<Zap aria-hidden />} onSelect={then(() => choose(shown === "dark" ? "light" : "dark"))}>
              Switch to the {shown === "dark" ? "light" : "dark"} theme
            </Item>
            <Item value="Sign out" icon={<Zap aria-hidden />} onSelect={then(() => void signOut())}>
              Sign out
            </Item>
          </Command.Group>
        ) : null}
        {prefix === "" && text === "" ? (
          <Command.Group heading="Recent" className={group}>
            {recentPages().map(({ path, title }) => (
              <Item key={path} value={`recent ${title} ${path}`} icon={<Clock aria-hidden />} onSelect={go(path)}>
                {title}
              </Item>
            ))}
          </Command.Group>
        ) : null}
        {has("/") ? (
          <Command.Group heading="Pages" className={group}>
            {navFor(me).flatMap(({ items }) =>
              items.map(({ to, label, icon: Icon, key }) => (
                <Item key={to} value={`page ${label}`} icon={<Icon aria-hidden />} keys={key ? `g ${key}` : ""} onSelect={go(to)}>
                  {label}
                </Item>
              )),
            )}
          </Command.Group>
        ) : null}
        {prefix === "" && settled.length > 1 && runs.data?.items.length ? (
          <Command.Group heading="Runs" className={group} forceMount>
            {runs.data.items.map((run) => (
              <Item key={run.id} value={`run ${run.id} ${settled}`} icon={<StatusMark status={run.status} word />} onSelect={go(`/runs/${run.id}`)}>
                {run.task.split("\n")[0] || run.id}
              </Item>
            ))}
          </Command.Group>
        ) : null}
        {has("@") && (text !== "" || prefix === "@") ? (
          <Command.Group heading="Agents" className={group}>
            {agents.data?.map((agent) => (
              <Item key={agent.id} value={`agent ${agent.name} ${agent.id}`} icon={<Bot aria-hidden />} onSelect={go(`/agents/${agent.id}`)}>
                {agent.name}
              </Item>
            ))}
          </Command.Group>
        ) : null}
        {prefix === "" && text !== "" ? (
          <Command.Group heading="Pipelines" className={group}>
            {pipelines.data?.map((pipeline) => (
              <Item key={pipeline.id} value={`pipeline ${pipeline.name} ${pipeline.id}`} icon={<Workflow aria-hidden />} onSelect={go(`/pipelines/${pipeline.id}`)}>
                {pipeline.name}
              </Item>
            ))}
          </Command.Group>
        ) : null}
      </Command.List>
      <p className="flex items-center gap-3 border-t px-4 py-2 text-xs text-muted max-sm:hidden">
        <span className="flex items-center gap-1"><CornerDownLeft className="size-3.5" aria-hidden /> open</span>
        <span><Kbd>&gt;</Kbd> actions</span>
        <span><Kbd>@</Kbd> agents</span>
        <span><Kbd>/</Kbd> pages</span>
      </p>
    </Command>
  );
}

interface ItemProps {
  value: string;
  icon: ReactNode;
  keys?: string;
  onSelect: () => void;
  children: ReactNode;
}

function Item({ value, icon, keys, onSelect, children }: ItemProps) {
  return (
    <Command.Item value={value} onSelect={onSelect} className={row}>
      {icon}
      <span className="min-w-0 flex-1 truncate">{children}</span>
      {keys ? keyCaps(keys).map((cap, index) => <Kbd key={index}>{cap}</Kbd>) : null}
    </Command.Item>
  );
}
