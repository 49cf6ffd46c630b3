import { useQuery } from "@tanstack/react-query";
import { Plus, Webhook as WebhookIcon } from "lucide-react";
import { useState } from "react";

import { useMe } from "@/api/me";
import { ListTable, type Column } from "@/components/data-table";
import { CheckField, TextField } from "@/components/fields";
import { FormDialog, textOf } from "@/components/form-dialog";
import { RowAction } from "@/components/row-action";
import { ShownOnce } from "@/components/shown-once";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Confirm } from "@/components/ui/confirm";
import { EmptyState } from "@/components/ui/empty-state";
import { Time } from "@/components/ui/facts";
import { PageHeader } from "@/components/ui/page-header";
import { failed } from "@/lib/toast";

import { useChangeWebhook, useCreateWebhook, useDeleteWebhook, webhooksQuery, type Webhook } from "../queries";

export function WebhooksSection() {
  const webhooks = useQuery(webhooksQuery());
  const change = useChangeWebhook();
  const remove = useDeleteWebhook();
  const [edited, setEdited] = useState<Webhook | "new" | null>(null);
  const [secret, setSecret] = useState<string | null>(null);
  const [leaving, setLeaving] = useState<Webhook | null>(null);
  const toggle = (webhook: Webhook) =>
    change.mutate(
      { id: webhook.id, enabled: !webhook.enabled },
      { onError: (error) => failed("The webhook was not changed", error) },
    );
  return (
    <>
      <PageHeader
        title="Webhooks"
        actions={
          <Button look="primary" onClick={() => setEdited("new")}>
            <Plus aria-hidden />
            New webhook
          </Button>
        }
      >
        Addresses of yours that hear of notifications. Messages are signed as Standard Webhooks says; a rule says which go there.
      </PageHeader>
      <ListTable
        query={webhooks}
        label="Webhooks"
        columns={COLUMNS}
        id={(webhook) => webhook.id}
        empty={<EmptyState icon={WebhookIcon} title="You have no webhook." />}
        actions={(webhook) => (
          <>
            <RowAction label={`Switch ${webhook.name} ${webhook.enabled ? "off" : "on"}`} onClick={() => toggle(webhook)}>
              Switch {webhook.enabled ? "off" : "on"}
            </RowAction>
            <RowAction label={`Change ${webhook.name}`} onClick={() => setEdited(webhook)}>
              Change
            </RowAction>
            <RowAction label={`Delete ${webhook.name}`} onClick={() => setLeaving(webhook)}>
              Delete
            </RowAction>
          </>
        )}
      />
      {edited ? <WebhookForm webhook={edited === "new" ? null : edited} onClose={() => setEdited(null)} onMade={setSecret} /> : null}
      <ShownOnce
        title="Webhook made"
        description="With this secret the receiver checks the signature. It is shown only now."
        secret={secret}
        onClose={() => setSecret(null)}
      />
      <Confirm
        open={leaving !== null}
        onOpenChange={() => setLeaving(null)}
        title={`Delete webhook ${leaving?.name ?? ""}?`}
        action="Delete webhook"
        onConfirm={() => remove.mutateAsync(leaving?.id ?? "")}
      >
        Rules that lead to it go with it, and what still waits for it.
      </Confirm>
    </>
  );
}

const COLUMNS: Column<Webhook>[] = [
  {
    head: "Name",
    className: "font-medium",
    cell: (webhook) => (
      <>
        {webhook.name}
        {webhook.enabled ? null : <Badge className="ml-2">off</Badge>}
      </>
    ),
  },
  { head: "Address", className: "max-w-80 truncate font-mono text-code", title: (webhook) => webhook.url, cell: (webhook) => webhook.url },
  {
    head: "Delivery",
    cell: (webhook) =>
      webhook.failures > 0 ? <Badge tone="bad">failed {webhook.failures} times</Badge> : <Badge tone="ok">no failure</Badge>,
  },
  { head: "Made", cell: (webhook) => <Time at={webhook.created_at} /> },
];

interface WebhookFormProps {
  /** Null: a new one. */
  webhook: Webhook | null;
  onClose: () => void;
  onMade: (secret: string) => void;
}

function WebhookForm({ webhook, onClose, onMade }: WebhookFormProps) {
  const me = useMe();
  const create = useCreateWebhook();
  const change = useChangeWebhook();
  const submit = async (values: FormData) => {
    const body = {
      name: textOf(values, "name"),
      url: textOf(values, "url"),
      ...(me.is_admin ? { allow_private: values.get("allow_private") === "on" } : {}),
    };
    if (webhook) return change.mutateAsync({ id: webhook.id, ...body });
    const made = await create.mutateAsync(body);
    onMade(made.secret);
    return made;
  };
  return (
    <FormDialog open onOpenChange={onClose} title={webhook ? `Change ${webhook.name}` : "New webhook"} action={webhook ? "Save webhook" : "Make webhook"} onSubmit={submit}>
      {(errors) => (
        <>
          <TextField name="name" label="Name" required defaultValue={webhook?.name} errors={errors} />
          <TextField name="url" type="url" label="Address" required placeholder="https://example.org/hooks/djinn" defaultValue={webhook?.url} errors={errors} />
          {me.is_admin ? (
            <CheckField
              name="allow_private"
              label="It stands in our own network"
              hint="Without this, private addresses are refused."
              defaultChecked={webhook?.allow_private ?? false}
            />
          ) : null}
        </>
      )}
    </FormDialog>
  );
}
