import { useQuery } from "@tanstack/react-query";
import { Plus } from "lucide-react";
import { useState } from "react";

import { agentsQuery } from "@/api/agents";
import type { Schemas } from "@/api/client";
import { useMe } from "@/api/me";
import { ChoiceField, ExpiryField, TextField } from "@/components/fields";
import { FormDialog, numberOf, textOf } from "@/components/form-dialog";
import { KeyTable, ScopeBoxes } from "@/components/key-table";
import { ShownOnce } from "@/components/shown-once";
import { Button } from "@/components/ui/button";
import { Confirm } from "@/components/ui/confirm";
import { EmptyState } from "@/components/ui/empty-state";
import { PageHeader, Section } from "@/components/ui/page-header";
import { useChosen } from "@/hooks/use-chosen";

import { useCreateAgentKey, useCreateServiceKey, useRevokeKey } from "../mutations";
import { agentKeysQuery, serviceKeysQuery } from "../queries";

type ApiKey = Schemas["ApiKey"];
type Kind = "service" | "agent";

export function KeysSection() {
  const service = useQuery(serviceKeysQuery());
  const agent = useQuery(agentKeysQuery());
  const revoke = useRevokeKey();
  const [making, setMaking] = useState<Kind | null>(null);
  const [secret, setSecret] = useState<string | null>(null);
  const [leaving, setLeaving] = useState<{ key: ApiKey; kind: Kind } | null>(null);
  return (
    <>
      <PageHeader title="Keys">Of programs with an account of their own, and of agents that work elsewhere.</PageHeader>
      <Section title="Keys of programs" actions={<NewButton onClick={() => setMaking("service")} />}>
        <KeyTable
          query={service}
          empty={<EmptyState title="No program has a key." className="py-8" />}
          onRevoke={(key) => setLeaving({ key, kind: "service" })}
        />
      </Section>
      <Section title="Keys of agents elsewhere" actions={<NewButton onClick={() => setMaking("agent")} />}>
        <KeyTable
          query={agent}
          empty={<EmptyState title="No agent elsewhere has a key." className="py-8" />}
          onRevoke={(key) => setLeaving({ key, kind: "agent" })}
        />
      </Section>
      {making === "service" ? <NewServiceKey onClose={() => setMaking(null)} onMade={setSecret} /> : null}
      {making === "agent" ? <NewAgentKey onClose={() => setMaking(null)} onMade={setSecret} /> : null}
      <ShownOnce title="Key made" description="Copy it now: only its hash is kept." secret={secret} onClose={() => setSecret(null)} />
      <Confirm
        open={leaving !== null}
        onOpenChange={() => setLeaving(null)}
        title={`Revoke ${leaving?.key.name || leaving?.key.agent_id || "this key"}?`}
        action="Revoke key"
        onConfirm={() => revoke.mutateAsync({ id: leaving?.key.id ?? "", kind: leaving?.kind ?? "service" })}
      >
        What uses it is refused at once. It cannot be brought back.
      </Confirm>
    </>
  );
}

function NewButton({ onClick }: { onClick: () => void }) {
  return (
    <Button onClick={onClick}>
      <Plus aria-hidden />
      New key
    </Button>
  );
}

interface NewKeyProps {
  onClose: () => void;
  onMade: (secret: string) => void;
}

const ROLE_WORDS_OF_PROGRAMS: Record<Schemas["ServiceKeyCreateRoleEnum"], string> = {
  viewer: "Viewer",
  member: "Member",
  admin: "Administrator",
};

function NewServiceKey({ onClose, onMade }: NewKeyProps) {
  const me = useMe();
  const create = useCreateServiceKey();
  const { chosen, choose } = useChosen<Schemas["ScopesEnum"]>(["read"]);
  const submit = async (values: FormData) => {
    const made = await create.mutateAsync({
      name: textOf(values, "name"),
      account: textOf(values, "account"),
      role: textOf(values, "role") as Schemas["ServiceKeyCreateRoleEnum"],
      scopes: [...chosen],
      expires_in_days: numberOf(values, "expires_in_days"),
    });
    onMade(made.key);
  };
  return (
    <FormDialog open onOpenChange={onClose} title="New key of a program" action="Make key" onSubmit={submit}>
      {(errors) => (
        <>
          <TextField name="name" label="Name" required errors={errors} />
          <TextField name="account" label="Account" hint="The program; it is made when it is not there." required errors={errors} />
          <ChoiceField name="role" label="Role" options={ROLE_WORDS_OF_PROGRAMS} defaultValue="member" errors={errors} />
          <ScopeBoxes given={me.scopes} chosen={chosen} onChange={choose} error={errors["scopes"]} />
          <ExpiryField errors={errors} />
        </>
      )}
    </FormDialog>
  );
}

function NewAgentKey({ onClose, onMade }: NewKeyProps) {
  const me = useMe();
  const agents = useQuery(agentsQuery());
  const create = useCreateAgentKey();
  const { chosen, choose } = useChosen<Schemas["ScopesEnum"]>(["read"]);
  const submit = async (values: FormData) => {
    const made = await create.mutateAsync({
      agent_id: textOf(values, "agent_id"),
      scopes: [...chosen],
      expires_in_days: numberOf(values, "expires_in_days"),
    });
    onMade(made.key);
  };
  return (
    <FormDialog
      open
      onOpenChange={onClose}
      title="New key of an agent"
      description="An older key of the same agent works for ten more minutes."
      action="Make key"
      onSubmit={submit}
    >
      {(errors) => (
        <>
          <ChoiceField
            name="agent_id"
            label="Agent"
            options={Object.fromEntries((agents.data ?? []).map((agent) => [agent.id, agent.name]))}
            required
            errors={errors}
          />
          <ScopeBoxes given={me.scopes} chosen={chosen} onChange={choose} error={errors["scopes"]} />
          <ExpiryField errors={errors} />
        </>
      )}
    </FormDialog>
  );
}
