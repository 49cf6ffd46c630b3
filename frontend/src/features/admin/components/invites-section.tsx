import { useInfiniteQuery } from "@tanstack/react-query";
import { MailPlus } from "lucide-react";
import { useState } from "react";

import type { Schemas } from "@/api/client";
import { useMe } from "@/api/me";
import { rowsOf } from "@/api/paging";
import { FormDialog, textOf } from "@/components/form-dialog";
import { Loaded } from "@/components/loaded";
import { More } from "@/components/more";
import { ShownOnce } from "@/components/shown-once";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Confirm } from "@/components/ui/confirm";
import { EmptyState } from "@/components/ui/empty-state";
import { Time } from "@/components/ui/facts";
import { Field, Input, Select } from "@/components/ui/input";
import { PageHeader } from "@/components/ui/page-header";
import { Row, Table, TableBody, TableHead, Td, Th } from "@/components/ui/table";
import { useNow } from "@/hooks/use-now";
import { ROLE_WORDS, ROLES, type Role } from "@/lib/roles";

import { useInvite, useRevokeInvite } from "../mutations";
import { invitesQuery } from "../queries";

type Invite = Schemas["Invite"];

export function InvitesSection() {
  const invites = useInfiniteQuery(invitesQuery());
  const revoke = useRevokeInvite();
  const [making, setMaking] = useState(false);
  const [link, setLink] = useState<string | null>(null);
  const [leaving, setLeaving] = useState<Invite | null>(null);
  return (
    <>
      <PageHeader
        title="Invites"
        actions={
          <Button look="primary" onClick={() => setMaking(true)}>
            <MailPlus aria-hidden />
            New invite
          </Button>
        }
      >
        Each link makes one account, for one address, once, within seven days.
      </PageHeader>
      <Loaded query={invites}>
        {(data) => {
          const rows = rowsOf(data);
          return rows.length === 0 ? (
            <EmptyState title="Nobody is invited." />
          ) : (
            <>
              <InviteTable rows={rows} onRevoke={setLeaving} />
              <More query={invites} what="invites" />
            </>
          );
        }}
      </Loaded>
      {making ? <NewInvite onClose={() => setMaking(false)} onMade={setLink} /> : null}
      <ShownOnce
        title="Invite made"
        description="Send this link to the person. It is shown only now."
        secret={link}
        onClose={() => setLink(null)}
      />
      <Confirm
        open={leaving !== null}
        onOpenChange={() => setLeaving(null)}
        title={`Take back the invite of ${leaving?.email ?? ""}?`}
        action="Take back invite"
        onConfirm={() => revoke.mutateAsync(leaving?.id ?? "")}
      >
        Its link no longer works.
      </Confirm>
    </>
  );
}

function InviteTable({ rows, onRevoke }: { rows: Invite[]; onRevoke: (invite: Invite) => void }) {
  const now = useNow();
  const state = (invite: Invite) => {
    if (invite.accepted_at) return <Badge tone="ok">accepted</Badge>;
    return new Date(invite.expires_at).getTime() < now ? <Badge>expired</Badge> : <Badge tone="run">open</Badge>;
  };
  return (
    <Table>
      <TableHead>
        <tr>
          <Th>Address</Th>
          <Th>Role</Th>
          <Th>State</Th>
          <Th>Made</Th>
          <Th>Expires</Th>
          <Th>
            <span className="sr-only">Actions</span>
          </Th>
        </tr>
      </TableHead>
      <TableBody>
        {rows.map((invite) => (
          <Row key={invite.id}>
            <Td className="font-medium">{invite.email}</Td>
            <Td>{invite.role ? ROLE_WORDS[invite.role] : "–"}</Td>
            <Td>{state(invite)}</Td>
            <Td>
              <Time at={invite.created_at} />
            </Td>
            <Td>
              <Time at={invite.expires_at} />
            </Td>
            <Td className="text-right">
              {invite.accepted_at ? null : (
                <Button size="sm" look="quiet" onClick={() => onRevoke(invite)} aria-label={`Take back invite of ${invite.email}`}>
                  Take back
                </Button>
              )}
            </Td>
          </Row>
        ))}
      </TableBody>
    </Table>
  );
}

function NewInvite({ onClose, onMade }: { onClose: () => void; onMade: (link: string) => void }) {
  const me = useMe();
  const invite = useInvite();
  const submit = async (values: FormData) => {
    const made = await invite.mutateAsync({ email: textOf(values, "email"), role: textOf(values, "role") as Role });
    onMade(made.url);
  };
  return (
    <FormDialog open onOpenChange={onClose} title="New invite" action="Make invite" onSubmit={submit}>
      {(errors) => (
        <>
          <Field label="E-mail address" error={errors["email"]}>
            {(control) => <Input {...control} name="email" type="email" required autoComplete="off" />}
          </Field>
          <Field label="Role" error={errors["role"]}>
            {(control) => (
              <Select {...control} name="role" defaultValue="member">
                {(Object.entries(ROLES) as [Role, string][])
                  .filter(([role]) => role !== "owner" || me.role === "owner")
                  .map(([role, words]) => (
                    <option key={role} value={role}>
                      {words}
                    </option>
                  ))}
              </Select>
            )}
          </Field>
        </>
      )}
    </FormDialog>
  );
}
