import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";

import { rowsOf } from "@/api/paging";
import { PagedTable, type Column } from "@/components/data-table";
import { RowAction } from "@/components/row-action";
import { ShownOnce } from "@/components/shown-once";
import { Badge, type Tone } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Confirm } from "@/components/ui/confirm";
import { EmptyState } from "@/components/ui/empty-state";
import { Time } from "@/components/ui/facts";
import { PageHeader } from "@/components/ui/page-header";
import { failed, said } from "@/lib/toast";

import { useDropWaiting, useInviteMany, useInviteWaiting, waitlistQuery, type Waiting } from "../waitlist";

const MOST_AT_ONCE = 100;
const TONES: Record<Waiting["status"], Tone> = { waiting: "warn", invited: "run", registered: "ok" };

export function WaitlistSection() {
  const waitlist = useInfiniteQuery(waitlistQuery());
  const invite = useInviteWaiting();
  const inviteMany = useInviteMany();
  const drop = useDropWaiting();
  const [links, setLinks] = useState<string | null>(null);
  const [leaving, setLeaving] = useState<Waiting | null>(null);
  const waiting = rowsOf(waitlist.data).filter((entry) => entry.status === "waiting").slice(0, MOST_AT_ONCE);
  const inviteOne = (entry: Waiting) =>
    invite.mutate(entry.id, {
      onSuccess: (told) => {
        if (told.url) setLinks(told.url);
        else said(`The invite goes to ${entry.email}`);
      },
      onError: (error) => failed(`${entry.email} was not invited`, error),
    });
  const inviteAll = () =>
    inviteMany.mutate(
      waiting.map((entry) => entry.id),
      {
        onSuccess: ({ items }) => {
          const made = items.flatMap((item) => (item.url ? [`${emailOf(waiting, item.id)} ${item.url}`] : []));
          if (made.length > 0) setLinks(made.join("\n"));
          said(`${items.filter((item) => item.ok).length} of ${items.length} are invited`);
        },
        onError: (error) => failed("Nobody was invited", error),
      },
    );
  return (
    <>
      <PageHeader
        title="Waitlist"
        actions={
          <Button
            refusal={waiting.length > 0 ? null : "Nobody waits."}
            busy={inviteMany.isPending}
            onClick={inviteAll}
          >
            Invite all who wait
          </Button>
        }
      >
        Who asked to be let in. An invite goes by mail; without a mail server you get its link.
      </PageHeader>
      <PagedTable
        query={waitlist}
        what="people"
        label="Waitlist"
        columns={COLUMNS}
        id={(entry) => entry.id}
        empty={<EmptyState title="Nobody asked to be let in." />}
        actions={(entry) => (
          <>
            {entry.status === "registered" ? null : (
              <RowAction
                label={`Invite ${entry.email}`}
                busy={invite.isPending && invite.variables === entry.id}
                onClick={() => inviteOne(entry)}
              >
                {entry.status === "invited" ? "Invite again" : "Invite"}
              </RowAction>
            )}
            <RowAction label={`Take ${entry.email} off the list`} onClick={() => setLeaving(entry)}>
              Take off
            </RowAction>
          </>
        )}
      />
      <ShownOnce title="Invite made" description="No mail server is set: send it yourself. It is shown only now." secret={links} onClose={() => setLinks(null)} />
      <Confirm
        open={leaving !== null}
        onOpenChange={() => setLeaving(null)}
        title={`Take ${leaving?.email ?? ""} off the list?`}
        action="Take off"
        onConfirm={() => drop.mutateAsync(leaving?.id ?? "")}
      >
        They are not told. They may ask again.
      </Confirm>
    </>
  );
}

const emailOf = (entries: readonly Waiting[], id: string): string => entries.find((entry) => entry.id === id)?.email ?? id;

const COLUMNS: Column<Waiting>[] = [
  {
    head: "Address",
    cell: (entry) => (
      <>
        <span className="font-medium break-all">{entry.email}</span>
        {entry.mail_error ? <span className="block text-xs text-bad">The mail did not go: {entry.mail_error}</span> : null}
      </>
    ),
  },
  { head: "Note", className: "max-w-96", cell: (entry) => entry.note || "–" },
  { head: "State", cell: (entry) => <Badge tone={TONES[entry.status]}>{entry.status}</Badge> },
  { head: "Asked", cell: (entry) => <Time at={entry.created_at} /> },
  { head: "Invited", cell: (entry) => <Time at={entry.invited_at} /> },
];
