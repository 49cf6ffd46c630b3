import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { MoreHorizontal, UserPlus } from "lucide-react";
import { useState } from "react";

import type { Schemas } from "@/api/client";
import { useMe, type Me } from "@/api/me";
import { rowsOf } from "@/api/paging";
import { Loaded } from "@/components/loaded";
import { More } from "@/components/more";
import { Badge } from "@/components/ui/badge";
import { Button, IconButton } from "@/components/ui/button";
import { Confirm } from "@/components/ui/confirm";
import { Time } from "@/components/ui/facts";
import { Menu, MenuContent, MenuItem, MenuLabel, MenuRadioGroup, MenuRadioItem, MenuSeparator, MenuTrigger } from "@/components/ui/menu";
import { PageHeader } from "@/components/ui/page-header";
import { Row, Table, TableBody, TableHead, Td, Th } from "@/components/ui/table";
import { ROLE_WORDS, ROLES, type Role } from "@/lib/roles";
import { failed, said } from "@/lib/toast";

import { useChangeUser, useResetFactor } from "../mutations";
import { usersQuery } from "../queries";

type User = Schemas["User"];
interface Asked {
  user: User;
  what: "shut out" | "reset factor" | Role;
}

export function UsersSection() {
  const users = useInfiniteQuery(usersQuery());
  const [asked, setAsked] = useState<Asked | null>(null);
  return (
    <>
      <PageHeader
        title="People"
        actions={
          <Button asChild look="primary">
            <Link to="/admin/$section" params={{ section: "invites" }}>
              <UserPlus aria-hidden />
              Invite somebody
            </Link>
          </Button>
        }
      />
      <Loaded query={users}>
        {(data) => (
          <>
            <UserTable rows={rowsOf(data)} onAsk={setAsked} />
            <More query={users} what="people" />
          </>
        )}
      </Loaded>
      {asked ? <Ask asked={asked} onClose={() => setAsked(null)} /> : null}
    </>
  );
}

const nameOf = (user: User): string => user.display_name || user.email || user.username;

function UserTable({ rows, onAsk }: { rows: User[]; onAsk: (asked: Asked) => void }) {
  const me = useMe();
  return (
    <Table>
      <TableHead>
        <tr>
          <Th>Person</Th>
          <Th>Role</Th>
          <Th>Second factor</Th>
          <Th>Last sign-in</Th>
          <Th>Since</Th>
          <Th>
            <span className="sr-only">Actions</span>
          </Th>
        </tr>
      </TableHead>
      <TableBody>
        {rows.map((user) => (
          <Row key={user.id}>
            <Td>
              <span className="font-medium">{nameOf(user)}</span>
              {user.id === me.id ? <Badge className="ml-2">you</Badge> : null}
              {user.is_active === false ? <Badge tone="bad" className="ml-2">shut out</Badge> : null}
              <span className="block text-xs text-muted">{user.email}</span>
            </Td>
            <Td>{user.role ? ROLE_WORDS[user.role] : "–"}</Td>
            <Td>{user.second_factor ? <Badge tone="ok">on</Badge> : <Badge>off</Badge>}</Td>
            <Td>
              <Time at={user.last_login_at} />
            </Td>
            <Td>
              <Time at={user.created_at} />
            </Td>
            <Td className="text-right">
              <UserMenu user={user} me={me} onAsk={onAsk} />
            </Td>
          </Row>
        ))}
      </TableBody>
    </Table>
  );
}

function UserMenu({ user, me, onAsk }: { user: User; me: Me; onAsk: (asked: Asked) => void }) {
  const change = useChangeUser();
  if (user.id === me.id) return null;
  const isBarred = user.role === "owner" && me.role !== "owner";
  const letIn = () =>
    change.mutate(
      { id: user.id, is_active: true },
      {
        onSuccess: () => said(`${nameOf(user)} may come in again`),
        onError: (error) => failed(`${nameOf(user)} is still shut out`, error),
      },
    );
  return (
    <Menu>
      <MenuTrigger asChild>
        <IconButton label={`Actions for ${nameOf(user)}`} refusal={isBarred ? "Only an owner may change an owner." : null}>
          <MoreHorizontal aria-hidden />
        </IconButton>
      </MenuTrigger>
      <MenuContent>
        <MenuLabel>Role</MenuLabel>
        <MenuRadioGroup value={user.role ?? ""} onValueChange={(role) => onAsk({ user, what: role as Role })}>
          {(Object.entries(ROLE_WORDS) as [Role, string][])
            .filter(([role]) => role !== "owner" || me.role === "owner")
            .map(([role, word]) => (
              <MenuRadioItem key={role} value={role}>
                {word}
              </MenuRadioItem>
            ))}
        </MenuRadioGroup>
        <MenuSeparator />
        {user.second_factor ? (
          <MenuItem onSelect={() => onAsk({ user, what: "reset factor" })}>Take away second factor …</MenuItem>
        ) : null}
        {user.is_active === false ? (
          <MenuItem onSelect={letIn}>Let in again</MenuItem>
        ) : (
          <MenuItem bad onSelect={() => onAsk({ user, what: "shut out" })}>
            Shut out …
          </MenuItem>
        )}
      </MenuContent>
    </Menu>
  );
}

function Ask({ asked: { user, what }, onClose }: { asked: Asked; onClose: () => void }) {
  const change = useChangeUser();
  const reset = useResetFactor();
  const name = nameOf(user);
  if (what === "shut out")
    return (
      <Confirm
        open
        onOpenChange={onClose}
        title={`Shut out ${name}?`}
        action="Shut out"
        onConfirm={() => change.mutateAsync({ id: user.id, is_active: false })}
      >
        All sessions and keys of this person end at once. They can be let in again.
      </Confirm>
    );
  if (what === "reset factor")
    return (
      <Confirm
        open
        onOpenChange={onClose}
        title={`Take away the second factor of ${name}?`}
        action="Take away second factor"
        onConfirm={() => reset.mutateAsync(user.id)}
      >
        The password alone lets them in until they set one up again. They are told.
      </Confirm>
    );
  return (
    <Confirm
      open
      onOpenChange={onClose}
      title={`Make ${name} ${ROLE_WORDS[what].toLowerCase()}?`}
      action="Change role"
      look="primary"
      onConfirm={() => change.mutateAsync({ id: user.id, role: what })}
    >
      {ROLES[what]}. It holds at once, for keys and sessions too.
    </Confirm>
  );
}
