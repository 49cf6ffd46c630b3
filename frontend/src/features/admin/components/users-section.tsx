import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { MoreHorizontal, UserPlus } from "lucide-react";
import { useState } from "react";

import type { Schemas } from "@/api/client";
import { useMe, type Me } from "@/api/me";
import { PagedTable, type Column } from "@/components/data-table";
import { Badge } from "@/components/ui/badge";
import { Button, IconButton } from "@/components/ui/button";
import { Confirm } from "@/components/ui/confirm";
import { EmptyState } from "@/components/ui/empty-state";
import { Time } from "@/components/ui/facts";
import { Menu, MenuContent, MenuItem, MenuLabel, MenuRadioGroup, MenuRadioItem, MenuSeparator, MenuTrigger } from "@/components/ui/menu";
import { PageHeader } from "@/components/ui/page-header";
import { ROLE_WORDS, ROLES, rolesFrom, type Role } from "@/lib/roles";
import { failed, said } from "@/lib/toast";

import { useChangeUser, useEraseUser, useResetFactor } from "../mutations";
import { usersQuery } from "../queries";

type User = Schemas["User"];
interface Asked {
  user: User;
  what: "shut out" | "erase" | "reset factor" | Role;
}

export function UsersSection() {
  const me = useMe();
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
      <PagedTable
        query={users}
        what="people"
        label="People"
        columns={columns(me)}
        id={(user) => user.id}
        empty={<EmptyState title="Nobody is here." />}
        actions={(user) => <UserMenu user={user} me={me} onAsk={setAsked} />}
      />
      {asked ? <Ask asked={asked} onClose={() => setAsked(null)} /> : null}
    </>
  );
}

const nameOf = (user: User): string => user.display_name || user.email || user.username;

const columns = (me: Me): Column<User>[] => [
  {
    head: "Person",
    cell: (user) => (
      <>
        <span className="font-medium">{nameOf(user)}</span>
        {user.id === me.id ? <Badge className="ml-2">you</Badge> : null}
        {user.is_active === false ? <Badge tone="bad" className="ml-2">shut out</Badge> : null}
        <span className="block text-xs text-muted">{user.email}</span>
      </>
    ),
  },
  { head: "Role", cell: (user) => (user.role ? ROLE_WORDS[user.role] : "–") },
  { head: "Second factor", cell: (user) => <Badge tone={user.second_factor ? "ok" : "quiet"}>{user.second_factor ? "on" : "off"}</Badge> },
  { head: "Last sign-in", cell: (user) => <Time at={user.last_login_at} /> },
  { head: "Since", cell: (user) => <Time at={user.created_at} /> },
];

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
          {Object.entries(rolesFrom(me.role, ROLE_WORDS)).map(([role, word]) => (
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
        <MenuItem bad onSelect={() => onAsk({ user, what: "erase" })}>
          End the account …
        </MenuItem>
      </MenuContent>
    </Menu>
  );
}

function Ask({ asked: { user, what }, onClose }: { asked: Asked; onClose: () => void }) {
  const change = useChangeUser();
  const erase = useEraseUser();
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
  if (what === "erase")
    return (
      <Confirm
        open
        onOpenChange={onClose}
        title={`End the account of ${name}?`}
        action="End the account"
        onConfirm={() => erase.mutateAsync(user.id)}
      >
        Name, address, ways in, sessions and keys are forgotten, for good. Runs that they started stay, as those of
        somebody who left.
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
