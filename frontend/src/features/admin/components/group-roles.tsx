import { Plus } from "lucide-react";

import { RowAction } from "@/components/row-action";
import { Button } from "@/components/ui/button";
import { Input, Select } from "@/components/ui/input";
import { ROLE_WORDS, type Role } from "@/lib/roles";

/** A group of the identity provider, and what its people may be here. */
export type GroupRole = readonly [group: string, role: Role];

interface GroupRolesProps {
  rows: readonly GroupRole[];
  onChange: (rows: GroupRole[]) => void;
  error?: string | undefined;
}

/** Which group of the identity provider has which role here. */
export function GroupRoles({ rows, onChange, error }: GroupRolesProps) {
  const put = (at: number, row: GroupRole) => onChange(rows.map((each, index) => (index === at ? row : each)));
  return (
    <fieldset className="grid gap-2">
      <legend className="mb-1 text-sm font-medium">Roles of groups</legend>
      {rows.map(([group, role], at) => (
        <div key={at} className="flex items-center gap-2">
          <Input aria-label={`Group ${at + 1}`} placeholder="Group" value={group} onChange={(event) => put(at, [event.target.value, role])} />
          <Select aria-label={`Role of group ${at + 1}`} value={role} onChange={(event) => put(at, [group, event.target.value as Role])}>
            {(Object.entries(ROLE_WORDS) as [Role, string][]).map(([key, word]) => (
              <option key={key} value={key}>
                {word}
              </option>
            ))}
          </Select>
          <RowAction label={`Remove group ${at + 1}`} onClick={() => onChange(rows.filter((_, index) => index !== at))}>
            Remove
          </RowAction>
        </div>
      ))}
      <Button size="sm" className="justify-self-start" onClick={() => onChange([...rows, ["", "member"]])}>
        <Plus aria-hidden />
        Add group
      </Button>
      <p className="text-xs text-muted">Of several groups the highest role holds. It is set anew at each sign-in.</p>
      {error ? <p className="text-xs text-bad">{error}</p> : null}
    </fieldset>
  );
}

export const groupRolesOf = (map: unknown): GroupRole[] =>
  typeof map === "object" && map !== null ? (Object.entries(map) as [string, Role][]) : [];

/** As the API takes it; rows without a name say nothing. */
export const mapOf = (rows: readonly GroupRole[]): Record<string, Role> =>
  Object.fromEntries(rows.flatMap(([group, role]) => (group.trim() ? [[group.trim(), role] as const] : [])));
