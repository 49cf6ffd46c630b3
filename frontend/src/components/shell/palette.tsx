import { keepPreviousData, queryOptions, useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { Command } from "cmdk";
import {
  Bot, Clock, CornerDownLeft, CornerDownRight, FlaskConical, Play, User, Workflow, Zap, type LucideIcon,
} from "lucide-react";
import { Dialog as Radix } from "radix-ui";
import { useState, type ReactNode } from "react";

import { api, ok, type Schemas } from "@/api/client";
import { mayWrite, useMe } from "@/api/me";
import { signOut } from "@/api/sign-out";
import { Kbd } from "@/components/ui/badge";
import { StatusMark } from "@/components/ui/status";
import { useBindings } from "@/hooks/use-keymap";
import { useLook } from "@/hooks/use-look";
import { useSettled } from "@/hooks/use-settled";
import { keyCaps, keymap } from "@/lib/keymap";

import { navFor } from "./nav";
import { placesFor } from "./places";
import { recentPages } from "./recent";

const SHOWN = 6;
const SEARCH_MS = 120;
const SHORTEST = 2;

type Found = Schemas["Found"];

/** What a sign at the beginning asks for, of what the server finds; none: no search there. */
const KINDS: Record<string, string | null> = { "": "", "@": "agent", "#": "run,session", ">": null, "/": null };

const searchQuery = (q: string, kinds: string | null) =>
  queryOptions({
    queryKey: ["search", q, kinds],
    queryFn: ({ signal }) =>
      ok(api.GET("/v1/search", { params: { query: { q, limit: SHOWN, ...(kinds ? { kinds } : {}) } }, signal })),
    enabled: kinds !== null && q.length >= SHORTEST,
    placeholderData: keepPreviousData,
    staleTime: 10_000,
  });

const HEADS: Record<string, string> = {
  run: "Runs",
  agent: "Agents",
  pipeline: "Pipelines",
  session: "Sessions",
  case: "Evaluation cases",
  person: "People",
};
const PATHS: Record<string, (id: string) => string> = {
  run: (id) => `/runs/${id}`,
  agent: (id) => `/agents/${id}`,
  pipeline: (id) => `/pipelines/${id}`,
  session: (id) => `/sessions/${id}`,
  case: () => "/evals",
  person: () => "/admin/users",
};
const ICONS: Record<string, LucideIcon> = { agent: Bot, pipeline: Workflow, case: FlaskConical, person: User };

const row =
  "flex h-9 items-center gap-2.5 rounded-control px-2 text-sm data-[selected=true]:bg-sunken touch:h-11 [&_svg]:size-4 [&_svg]:shrink-0";
const group =
  "px-2 pb-1 [&_[cmdk-group-heading]]:px-2 [&_[cmdk-group-heading]]:py-1.5 [&_[cmdk-group-heading]]:text-xs [&_[cmdk-group-heading]]:text-muted";

/**
 * Everything by its name: actions of this page, pages, recent ones, and what the server finds.
 * `>` only actions, `@` only agents, `#` only runs, `/` only pages and settings.
 */
export function Palette({ onClose }: { onClose: () => void }) {
  return (
    <Radix.Root open onOpenChange={onClose}>
      <Radix.Portal>
        <Radix.Overlay className="fixed inset-0 z-40 bg-backdrop" />
        <Radix.Content
          aria-describedby={undefined}
          className="fixed top-[12vh] left-1/2 z-50 w-[min(38rem,calc(100vw-2rem))] -translate-x-1/2 overflow-hidden rounded-dialog bg-surface shadow-float outline-none"
        >
          <Radix.Title className="sr-only">Find anything</Radix.Title>
          <Finder onClose={onClose} />
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

function Finder({ onClose }: { onClose: () => void }) {
  const me = useMe();
  const navigate = useNavigate();
  const { choose, shown } = useLook();
  const bindings = useBindings();
  const [typed, setTyped] = useState("");
  const prefix = /^[>@#/]/.exec(typed)?.[0] ?? "";
  const text = typed.slice(prefix.length).trim();
  const found = useQuery(searchQuery(useSettled(text, SEARCH_MS), KINDS[prefix] ?? null));
  const has = (kind: string) => prefix === "" || prefix === kind;

  const then = (work: () => void) => () => {
    onClose();
    work();
  };
  const go = (path: string) => then(() => void navigate({ to: path }));
  const actions = bindings.filter((binding) => binding.group !== "Go to" && binding.keys !== "mod+k");
  const hits = text.length >= SHORTEST ? (found.data ?? []) : [];
  return (
    <Command
      label="Command palette"
      loop
      filter={(value, search) => {
        const wanted = search.replace(/^[>@#/]/, "").trim().toLowerCase();
        return value.startsWith(FOUND) || wanted.split(/\s+/).every((word) => value.toLowerCase().includes(word)) ? 1 : 0;
      }}
    >
      <Command.Input
        autoFocus
        value={typed}
        onValueChange={setTyped}
        placeholder="Find a page, run, agent or action"
        className="h-12 w-full border-b bg-transparent px-4 text-base outline-none placeholder:text-muted"
      />
      <Command.List className="max-h-[50vh] overflow-y-auto py-2" aria-busy={found.isFetching || undefined}>
        <Command.Empty className="px-4 py-6 text-center text-sm text-muted">
          {found.isFetching ? "Looking …" : found.error ? "The server could not be asked." : empty(prefix, text)}
        </Command.Empty>
        {prefix === "" && text === "" ? (
          <Command.Group heading="Recent" className={group}>
            {recentPages().slice(0, SHOWN).map(({ path, title }) => (
              <Item key={path} value={`recent ${title} ${path}`} icon={<Clock aria-hidden />} onSelect={go(path)}>
                {title}
              </Item>
            ))}
          </Command.Group>
        ) : null}
        {has(">") ? (
          <Command.Group heading="Actions" className={group}>
            {actions.map((binding) => (
              <Item key={binding.keys} value={`${binding.label} ${binding.group}`} icon={<Zap aria-hidden />} keys={binding.keys} onSelect={then(() => binding.run())}>
                {binding.label}
              </Item>
            ))}
            {mayWrite(me) && !actions.some(({ label }) => label === "New run") ? (
              <Item value="New run start" icon={<Zap aria-hidden />} onSelect={then(() => void navigate({ to: "/runs", search: { new: true } }))}>
                New run
              </Item>
            ) : null}
            <Item value="Switch between light and dark theme" icon={<Zap aria-hidden />} onSelect={then(() => choose(shown === "dark" ? "light" : "dark"))}>
              Switch to the {shown === "dark" ? "light" : "dark"} theme
            </Item>
            <Item value="Sign out" icon={<Zap aria-hidden />} onSelect={then(() => void signOut())}>
              Sign out
            </Item>
          </Command.Group>
        ) : null}
        <Hits hits={hits} go={go} />
        {has("/") ? (
          <Command.Group heading="Pages" className={group}>
            {navFor(me).flatMap(({ items }) =>
              items.map(({ to, label, icon: Icon, key }) => (
                <Item key={to} value={`page ${label}`} icon={<Icon aria-hidden />} keys={key ? `g ${key}` : ""} onSelect={go(to)}>
                  {label}
                </Item>
              )),
            )}
            {text !== "" || prefix === "/"
              ? placesFor(me).map(({ path, title }) => (
                  <Item key={path} value={`page ${title}`} icon={<CornerDownRight aria-hidden />} onSelect={go(path)}>
                    {title}
                  </Item>
                ))
              : null}
          </Command.Group>
        ) : null}
      </Command.List>
      <p className="flex items-center gap-3 border-t px-4 py-2 text-xs text-muted max-sm:hidden">
        <span className="flex items-center gap-1"><CornerDownLeft className="size-3.5" aria-hidden /> open</span>
        <span><Kbd>&gt;</Kbd> actions</span>
        <span><Kbd>@</Kbd> agents</span>
        <span><Kbd>#</Kbd> runs</span>
        <span><Kbd>/</Kbd> pages and settings</span>
      </p>
    </Command>
  );
}

/** Marks what the server has found: it fits already, whatever its words are. */
const FOUND = "found ";

const empty = (prefix: string, text: string): string =>
  (prefix === "@" || prefix === "#") && text.length < SHORTEST ? "Type two letters or more." : "Nothing has this name.";

/** What the server has found, under the heading of each kind. */
function Hits({ hits, go }: { hits: Found[]; go: (path: string) => () => void }) {
  const kinds = [...new Set(hits.map((hit) => hit.kind))].filter((kind) => PATHS[kind]);
  return kinds.map((kind) => (
    <Command.Group key={kind} heading={HEADS[kind]} className={group}>
      {hits.filter((hit) => hit.kind === kind).map((hit) => {
        const Icon = ICONS[kind] ?? Play;
        return (
          <Item
            key={hit.id}
            value={`${FOUND}${kind} ${hit.id}`}
            icon={hit.status && kind !== "pipeline" ? <StatusMark status={hit.status} word /> : <Icon aria-hidden />}
            onSelect={go(PATHS[kind]?.(hit.id) ?? "/")}
          >
            {hit.title}
            {hit.detail ? <span className="ml-2 text-xs text-muted">{hit.detail}</span> : null}
          </Item>
        );
      })}
    </Command.Group>
  ));
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
      {keys ? keyCaps(keymap.keysFor(keys)).map((cap, index) => <Kbd key={index}>{cap}</Kbd>) : null}
    </Command.Item>
  );
}
