import type { Schemas } from "@/api/client";

import { Badge } from "./ui/badge";
import { Button } from "./ui/button";
import { Time } from "./ui/facts";
import { Row, Table, TableBody, TableHead, Td, Th } from "./ui/table";

type ApiKey = Schemas["ApiKey"];

interface KeyTableProps {
  rows: ApiKey[];
  onRevoke: (key: ApiKey) => void;
}

const listed = (value: unknown): string => (Array.isArray(value) ? value.join(", ") : "");

/** API keys: what each may do and when it was last used. Never the key itself. */
export function KeyTable({ rows, onRevoke }: KeyTableProps) {
  return (
    <Table>
      <TableHead>
        <tr>
          <Th>Name</Th>
          <Th>For</Th>
          <Th>May</Th>
          <Th>Made</Th>
          <Th>Last used</Th>
          <Th>Expires</Th>
          <Th>
            <span className="sr-only">Actions</span>
          </Th>
        </tr>
      </TableHead>
      <TableBody>
        {rows.map((key) => (
          <Row key={key.id}>
            <Td className="font-medium">
              {key.name || key.id}
              {key.revoked ? <Badge className="ml-2">revoked</Badge> : null}
            </Td>
            <Td>{key.agent_id || key.account}</Td>
            <Td className="max-w-72">{listed(key.scopes) || "everything the owner may"}</Td>
            <Td>
              <Time at={key.created_at} />
            </Td>
            <Td>{key.last_used_at ? <Time at={key.last_used_at} /> : "never"}</Td>
            <Td>{key.expires_at ? <Time at={key.expires_at} /> : "never"}</Td>
            <Td className="text-right">
              {key.revoked ? null : (
                <Button size="sm" look="quiet" onClick={() => onRevoke(key)} aria-label={`Revoke key ${key.name ?? key.id}`}>
                  Revoke
                </Button>
              )}
            </Td>
          </Row>
        ))}
      </TableBody>
    </Table>
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
