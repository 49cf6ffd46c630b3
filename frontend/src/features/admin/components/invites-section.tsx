import { useInfiniteQuery } from "@tanstack/react-query";
import { MailPlus } from "lucide-react";
import { useState } from "react";

import type { Schemas } from "@/api/client";
import { useMe } from "@/api/me";
import { PagedTable, type Column } from "@/components/data-table";
import { ChoiceField, TextField } from "@/components/fields";
import { FormDialog, textOf } from "@/components/form-dialog";
import { RowAction } from "@/components/row-action";
import { ShownOnce } from "@/components/shown-once";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Confirm } from "@/components/ui/confirm";
import { EmptyState } from "@/components/ui/empty-state";
import { Time } from "@/components/ui/facts";
import { PageHeader } from "@/components/ui/page-header";
import { useNow } from "@/hooks/use-now";
import { ROLE_WORDS, ROLES, rolesFrom, type Role } from "@/lib/roles";

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
      <PagedTable
        query={invites}
        what="invites"
        label="Invites"
        columns={COLUMNS}
        id={(invite) => invite.id}
        empty={<EmptyState title="Nobody is invited." />}
        actions={(invite) =>
          invite.accepted_at ? null : (
            <RowAction label={`Take back invite of ${invite.email}`} onClick={() => setLeaving(invite)}>
              Take back
            </RowAction>
          )
        }
      />
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

const COLUMNS: Column<Invite>[] = [
  { head: "Address", className: "font-medium", cell: (invite) => invite.email },
  { head: "Role", cell: (invite) => (invite.role ? ROLE_WORDS[invite.role] : "–") },
  { head: "State", cell: (invite) => <InviteState invite={invite} /> },
  { head: "Made", cell: (invite) => <Time at={invite.created_at} /> },
  { head: "Expires", cell: (invite) => <Time at={invite.expires_at} /> },
];

function InviteState({ invite }: { invite: Invite }) {
  const now = useNow();
  if (invite.accepted_at) return <Badge tone="ok">accepted</Badge>;
  return new Date(invite.expires_at).getTime() < now ? <Badge>expired</Badge> : <Badge tone="run">open</Badge>;
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
          <TextField name="email" type="email" label="E-mail address" required errors={errors} />
          <ChoiceField name="role" label="Role" options={rolesFrom(me.role, ROLES)} defaultValue="member" errors={errors} />
        </>
      )}
    </FormDialog>
  );
}
