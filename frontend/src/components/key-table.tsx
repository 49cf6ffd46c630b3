import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";

import type { Schemas } from "@/api/client";

import { ListTable, type Column } from "./data-table";
import { RowAction } from "./row-action";
import { Badge } from "./ui/badge";
import { Time } from "./ui/facts";

type ApiKey = Schemas["ApiKey"];

interface KeyTableProps {
  query: Pick<UseQueryResult<ApiKey[]>, "data" | "error" | "refetch">;
  empty: ReactNode;
  /** Left out where keys are not one's own: those are only revoked. */
  onChange?: (key: ApiKey) => void;
  onRevoke: (key: ApiKey) => void;
}

const listed = (value: unknown): string => (Array.isArray(value) ? value.join(", ") : "");

const COLUMNS: Column<ApiKey>[] = [
  {
    head: "Name",
    className: "font-medium",
    order: (key) => key.name ?? key.id,
    cell: (key) => (
      <>
        {key.name || key.id}
        {key.revoked ? <Badge className="ml-2">revoked</Badge> : null}
      </>
    ),
  },
  { head: "For", cell: (key) => key.agent_id || key.account },
  { head: "May", className: "max-w-72", cell: (key) => listed(key.scopes) || "everything the owner may" },
  { head: "Only from", className: "max-w-48 font-mono text-code", cell: (key) => listed(key.ip_allow) || "anywhere" },
  { head: "Made", order: (key) => key.created_at, cell: (key) => <Time at={key.created_at} /> },
  {
    head: "Last used",
    order: (key) => key.last_used_at ?? "",
    cell: (key) => (key.last_used_at ? <Time at={key.last_used_at} /> : "never"),
  },
  { head: "Expires", cell: (key) => (key.expires_at ? <Time at={key.expires_at} /> : "never") },
];

/** API keys: what each may do and when it was last used. Never the key itself. */
export function KeyTable({ query, empty, onChange, onRevoke }: KeyTableProps) {
  return (
    <ListTable
      query={query}
      empty={empty}
      label="Keys"
      columns={COLUMNS}
      id={(key) => key.id}
      actions={(key) =>
        key.revoked ? null : (
          <>
            {onChange ? (
              <RowAction label={`Change key ${key.name ?? key.id}`} onClick={() => onChange(key)}>
                Change
              </RowAction>
            ) : null}
            <RowAction label={`Revoke key ${key.name ?? key.id}`} onClick={() => onRevoke(key)}>
              Revoke
            </RowAction>
          </>
        )
      }
    />
  );
}

export const KEY_SCOPES: Schemas["ScopesEnum"][] = ["read", "write", "runs", "usage:read", "account", "admin"];

interface ScopeBoxesProps {
  /** Those that the maker may give away. */
  given: readonly string[];
  chosen: ReadonlySet<string>;
  onChange: (scope: Schemas["ScopesEnum"], on: boolean) => void;
  error?: string | undefined;
}

/** What a key may do. */
export function ScopeBoxes({ given, chosen, onChange, error }: ScopeBoxesProps) {
  return (
    <fieldset className="grid gap-2">
      <legend className="mb-1 text-sm font-medium">It may</legend>
      <div className="grid grid-cols-2 gap-2">
        {KEY_SCOPES.filter((scope) => given.includes(scope)).map((scope) => (
          <label key={scope} className="flex items-center gap-2 text-sm">
            <input
              type="checkbox"
              className="size-4 accent-accent"
              checked={chosen.has(scope)}
              onChange={(event) => onChange(scope, event.target.checked)}
            />
            {scope}
          </label>
        ))}
      </div>
      {error ? <p className="text-xs text-bad">{error}</p> : null}
    </fieldset>
  );
}
