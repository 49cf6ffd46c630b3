import { useQuery } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";

import { refusal, useMe } from "@/api/me";
import { DataTable, type Column } from "@/components/data-table";
import { Loaded } from "@/components/loaded";
import { RowAction } from "@/components/row-action";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Time } from "@/components/ui/facts";
import { Input } from "@/components/ui/input";
import { failed } from "@/lib/toast";

import { useForgetTool, useSetTool } from "../mutations";
import { configQuery, toolsQuery } from "../queries";

interface Tool {
  name: string;
  enabled: boolean;
  /** Why it is as it is. */
  why: string;
  changedAt: string | null;
}

interface Overrides {
  overrides: { tool_name: string; enabled: boolean; updated_at: string }[];
  disabled: string[];
}

/** Tools of the config and those that somebody switched, each with the reason of its state. */
export function toolRows(base: readonly string[], { overrides, disabled }: Overrides): Tool[] {
  const set = new Map(overrides.map((each) => [each.tool_name, each]));
  const names = new Set([...base, ...set.keys(), ...disabled]);
  return [...names].sort().map((name) => {
    const own = set.get(name);
    if (own) return { name, enabled: own.enabled, why: own.enabled ? "switched on here" : "switched off here", changedAt: own.updated_at };
    const enabled = !disabled.includes(name);
    return { name, enabled, why: enabled ? "config.yml" : "switched off", changedAt: null };
  });
}

const listed = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((each): each is string => typeof each === "string") : [];

const COLUMNS: Column<Tool>[] = [
  { head: "Tool", className: "font-mono text-code", order: (tool) => tool.name, cell: (tool) => tool.name },
  { head: "State", cell: (tool) => <Badge tone={tool.enabled ? "ok" : "quiet"}>{tool.enabled ? "on" : "off"}</Badge> },
  { head: "Because of", order: (tool) => tool.why, cell: (tool) => tool.why },
  { head: "Changed", cell: (tool) => (tool.changedAt ? <Time at={tool.changedAt} /> : "–") },
];

export function ToolsTab({ agentId }: { agentId: string }) {
  const me = useMe();
  const tools = useQuery(toolsQuery(agentId));
  const config = useQuery(configQuery(agentId));
  const set = useSetTool(agentId);
  const forget = useForgetTool(agentId);
  const [name, setName] = useState("");
  const refused = refusal(me, "member");
  const onError = (error: unknown) => failed("The tool was not changed", error);
  const add = (event: FormEvent) => {
    event.preventDefault();
    if (name.trim()) set.mutate({ tool_name: name.trim(), enabled: false }, { onError, onSuccess: () => setName("") });
  };
  return (
    <Loaded query={tools}>
      {(found) => (
        <Loaded query={config}>
          {({ config: values }) => (
            <>
              <DataTable
                label="Tools"
                rows={toolRows(listed(values["tools"]), found)}
                columns={COLUMNS}
                id={(tool) => tool.name}
                actions={(tool) => (
                  <>
                    <RowAction
                      label={`Switch ${tool.name} ${tool.enabled ? "off" : "on"}`}
                      refusal={refused}
                      onClick={() => set.mutate({ tool_name: tool.name, enabled: !tool.enabled }, { onError })}
                    >
                      Switch {tool.enabled ? "off" : "on"}
                    </RowAction>
                    {tool.changedAt ? (
                      <RowAction label={`${tool.name} as in config.yml`} refusal={refused} onClick={() => forget.mutate(tool.name, { onError })}>
                        As in config
                      </RowAction>
                    ) : null}
                  </>
                )}
              />
              <form onSubmit={add} className="mt-3 flex gap-2">
                <Input aria-label="Name of a tool to switch off" placeholder="Another tool’s name" className="w-56" value={name} onChange={(event) => setName(event.target.value)} />
                <Button type="submit" refusal={refused}>
                  Switch off
                </Button>
              </form>
            </>
          )}
        </Loaded>
      )}
    </Loaded>
  );
}
