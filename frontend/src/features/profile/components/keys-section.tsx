import { useQuery } from "@tanstack/react-query";
import { KeyRound, Plus } from "lucide-react";
import { useState } from "react";

import type { Schemas } from "@/api/client";
import { useMe } from "@/api/me";
import { ExpiryField, type FieldErrors, TextField } from "@/components/fields";
import { FormDialog, numberOf, textOf } from "@/components/form-dialog";
import { KeyTable, ScopeBoxes } from "@/components/key-table";
import { ShownOnce } from "@/components/shown-once";
import { Button } from "@/components/ui/button";
import { Confirm } from "@/components/ui/confirm";
import { EmptyState } from "@/components/ui/empty-state";
import { PageHeader } from "@/components/ui/page-header";
import { useChosen } from "@/hooks/use-chosen";

import { ownKeysQuery, useChangeKey, useCreateKey, useRevokeOwnKey } from "../queries";

type ApiKey = Schemas["ApiKey"];
type Scope = Schemas["ScopesEnum"];

export function KeysSection() {
  const keys = useQuery(ownKeysQuery());
  const revoke = useRevokeOwnKey();
  const [making, setMaking] = useState(false);
  const [secret, setSecret] = useState<string | null>(null);
  const [changing, setChanging] = useState<ApiKey | null>(null);
  const [leaving, setLeaving] = useState<ApiKey | null>(null);
  return (
    <>
      <PageHeader
        title="API keys"
        actions={
          <Button look="primary" onClick={() => setMaking(true)}>
            <Plus aria-hidden />
            New key
          </Button>
        }
      >
        For scripts. A key may never do more than you.
      </PageHeader>
      <KeyTable
        query={keys}
        empty={<EmptyState icon={KeyRound} title="You have no API key." />}
        onChange={setChanging}
        onRevoke={setLeaving}
      />
      {changing ? <ChangeKey apiKey={changing} onClose={() => setChanging(null)} /> : null}
      {making ? <NewKey onClose={() => setMaking(false)} onMade={setSecret} /> : null}
      <ShownOnce title="Key made" description="Copy it now: only its hash is kept." secret={secret} onClose={() => setSecret(null)} />
      <Confirm
        open={leaving !== null}
        onOpenChange={() => setLeaving(null)}
        title={`Revoke ${leaving?.name || "this key"}?`}
        action="Revoke key"
        onConfirm={() => revoke.mutateAsync(leaving?.id ?? "")}
      >
        What uses it is refused at once. It cannot be brought back.
      </Confirm>
    </>
  );
}

function NewKey({ onClose, onMade }: { onClose: () => void; onMade: (secret: string) => void }) {
  const me = useMe();
  const create = useCreateKey();
  const { chosen, choose } = useChosen<Scope>(["read"]);
  const submit = async (values: FormData) => {
    const made = await create.mutateAsync({
      name: textOf(values, "name"),
      scopes: [...chosen],
      expires_in_days: numberOf(values, "expires_in_days"),
      ip_allow: addressesOf(values),
    });
    onMade(made.key);
  };
  return (
    <FormDialog open onOpenChange={onClose} title="New API key" action="Make key" onSubmit={submit}>
      {(errors) => (
        <>
          <TextField name="name" label="Name" required placeholder="CI of the website" errors={errors} />
          <ScopeBoxes given={me.scopes} chosen={chosen} onChange={choose} error={errors["scopes"]} />
          <ExpiryField errors={errors} />
          <AddressField errors={errors} />
        </>
      )}
    </FormDialog>
  );
}

function ChangeKey({ apiKey, onClose }: { apiKey: ApiKey; onClose: () => void }) {
  const change = useChangeKey();
  const had = apiKey.scopes as Scope[];
  const { chosen, choose } = useChosen<Scope>(had);
  const submit = (values: FormData) => {
    const days = numberOf(values, "expires_in_days");
    return change.mutateAsync({
      keyId: apiKey.id,
      body: {
        name: textOf(values, "name"),
        ...(had.length > 0 ? { scopes: [...chosen] } : {}),
        ...(days === null ? {} : { expires_in_days: days }),
        ip_allow: addressesOf(values),
      },
    });
  };
  return (
    <FormDialog open onOpenChange={onClose} title="Change API key" description="A key gains no rights: make a new one for that." action="Save key" onSubmit={submit}>
      {(errors) => (
        <>
          <TextField name="name" label="Name" required defaultValue={apiKey.name ?? ""} errors={errors} />
          {had.length > 0 ? <ScopeBoxes given={had} chosen={chosen} onChange={choose} error={errors["scopes"]} /> : null}
          <ExpiryField hint="From now on. Empty: as it is." errors={errors} />
          <AddressField defaultValue={(apiKey.ip_allow as string[] | undefined)?.join(", ") ?? ""} errors={errors} />
        </>
      )}
    </FormDialog>
  );
}

const addressesOf = (values: FormData): string[] => textOf(values, "ip_allow").split(/[\s,]+/).filter(Boolean);

function AddressField(props: { defaultValue?: string; errors: FieldErrors }) {
  return (
    <TextField
      name="ip_allow"
      label="Only from these addresses"
      hint="Addresses or networks, with commas. Empty: from anywhere."
      placeholder="192.0.2.0/24"
      {...props}
    />
  );
}
