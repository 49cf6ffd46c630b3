import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { KeyRound, Plus } from "lucide-react";
import { useState } from "react";

import { agentsQuery } from "@/api/agents";
import { refusal, useMe } from "@/api/me";
import { rowsOf } from "@/api/paging";
import { ListTable, type Column } from "@/components/data-table";
import { ChoiceField, LongField, SecretField, TextField } from "@/components/fields";
import { FormDialog, textOf } from "@/components/form-dialog";
import { Loaded } from "@/components/loaded";
import { More } from "@/components/more";
import { RowAction } from "@/components/row-action";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Confirm } from "@/components/ui/confirm";
import { Dialog, SheetContent } from "@/components/ui/dialog";
import { EmptyState } from "@/components/ui/empty-state";
import { AgentChip, Facts, Time } from "@/components/ui/facts";
import { Select } from "@/components/ui/input";
import { PageHeader, Section } from "@/components/ui/page-header";
import { failed } from "@/lib/toast";

import {
  accessQuery, secretsQuery, useChangeSecret, useCreateSecret, useDeleteSecret, useGrant, useRevokeGrant, type Secret,
} from "../secrets";

const TYPES: Record<Secret["type"], string> = {
  env: "Text",
  file: "File",
  ssh_key: "SSH key",
  totp: "Seed of one-time codes",
  login: "Login with password",
};
const SCOPES = { user: "Only me", instance: "The whole instance" } as const;

export function SecretsSection() {
  const me = useMe();
  const secrets = useQuery(secretsQuery());
  const remove = useDeleteSecret();
  const [edited, setEdited] = useState<Secret | "new" | null>(null);
  const [open, setOpen] = useState<string | null>(null);
  const [leaving, setLeaving] = useState<Secret | null>(null);
  const shown = secrets.data?.find((secret) => secret.id === open);
  return (
    <>
      <PageHeader
        title="Secrets"
        actions={
          <Button look="primary" refusal={refusal(me, "member")} onClick={() => setEdited("new")}>
            <Plus aria-hidden />
            New secret
          </Button>
        }
      >
        What agents use without being told it. A value is written and not read back; each use is logged.
      </PageHeader>
      <ListTable
        query={secrets}
        label="Secrets"
        columns={COLUMNS}
        id={(secret) => secret.id}
        empty={<EmptyState icon={KeyRound} title="There is no secret yet." />}
        actions={(secret) => {
          const refused = secret.may_manage ? null : "It is not yours.";
          return (
            <>
              <RowAction label={`Who may use ${secret.name}`} onClick={() => setOpen(secret.id)}>
                Who may use it
              </RowAction>
              <RowAction label={`Change ${secret.name}`} refusal={refused} onClick={() => setEdited(secret)}>
                Change
              </RowAction>
              <RowAction label={`Delete ${secret.name}`} refusal={refused} onClick={() => setLeaving(secret)}>
                Delete
              </RowAction>
            </>
          );
        }}
      />
      {edited ? (
        <SecretForm secret={edited === "new" ? null : edited} isAdmin={me.is_admin} onClose={() => setEdited(null)} />
      ) : null}
      <Dialog open={shown !== undefined} onOpenChange={() => setOpen(null)}>
        {shown ? (
          <SheetContent title={shown.name} description={shown.description || undefined}>
            <Details secret={shown} />
          </SheetContent>
        ) : null}
      </Dialog>
      <Confirm
        open={leaving !== null}
        onOpenChange={() => setLeaving(null)}
        title={`Delete secret ${leaving?.name ?? ""}?`}
        action="Delete secret"
        onConfirm={() => remove.mutateAsync(leaving?.id ?? "")}
      >
        {leaving?.grants.length ?? 0} agents may use it now; they are refused from the next use on. It cannot be brought back.
      </Confirm>
    </>
  );
}

const COLUMNS: Column<Secret>[] = [
  {
    head: "Secret",
    order: (secret) => secret.name,
    cell: (secret) => (
      <>
        <span className="font-medium">{secret.name}</span>
        {secret.rotation_due ? <Badge tone="warn" className="ml-2">change it</Badge> : null}
        <span className="block font-mono text-code text-muted">{secret.env_key}</span>
      </>
    ),
  },
  { head: "Kind", order: (secret) => TYPES[secret.type], cell: (secret) => TYPES[secret.type] },
  { head: "Whose", cell: (secret) => secret.scope },
  { head: "Ends in", className: "font-mono text-code", cell: (secret) => secret.masked || "–" },
  { head: "Agents", numeric: true, order: (secret) => secret.grants.length, cell: (secret) => secret.grants.length },
  {
    head: "Last used",
    order: (secret) => secret.last_used_at ?? "",
    cell: (secret) => (secret.last_used_at ? <Time at={secret.last_used_at} /> : <span className="text-muted">never</span>),
  },
];

interface SecretFormProps {
  /** Null: a new one. Its value is never told: what is left empty stays as it is. */
  secret: Secret | null;
  isAdmin: boolean;
  onClose: () => void;
}

function SecretForm({ secret, isAdmin, onClose }: SecretFormProps) {
  const create = useCreateSecret();
  const change = useChangeSecret();
  const [type, setType] = useState<Secret["type"]>(secret?.type ?? "env");
  const submit = (values: FormData) => {
    const value = (values.get("value") as string | null) ?? "";
    const extra = (name: string) => (textOf(values, name) ? { [name]: textOf(values, name) } : {});
    const told = {
      ...extra("totp_seed"),
      ...extra("passphrase"),
      name: textOf(values, "name"),
      description: textOf(values, "description"),
      ...(type === "login" ? { username: textOf(values, "username"), url: textOf(values, "url") } : {}),
    };
    if (secret) return change.mutateAsync({ id: secret.id, ...told, ...(value ? { value } : {}) });
    return create.mutateAsync({ ...told, type, value, scope: textOf(values, "scope") === "instance" ? "instance" : "user" });
  };
  const isLong = type === "file" || type === "ssh_key";
  const value = {
    name: "value",
    label: secret ? "New value" : "Value",
    hint: secret ? "Empty: it stays as it is. A new one holds from the next use on." : "It is sealed when it is saved, and not shown again.",
    required: !secret,
  };
  return (
    <FormDialog open onOpenChange={onClose} title={secret ? `Change ${secret.name}` : "New secret"} action="Save secret" onSubmit={submit}>
      {(errors) => (
        <>
          <TextField name="name" label="Name" required defaultValue={secret?.name} errors={errors} />
          {secret ? null : <ChoiceField name="type" label="Kind" options={TYPES} value={type} onChoose={setType} errors={errors} />}
          {isAdmin && !secret ? <ChoiceField name="scope" label="Whose" options={SCOPES} defaultValue="user" errors={errors} /> : null}
          {type === "login" ? (
            <>
              <TextField name="username" label="User name" defaultValue={secret?.username} errors={errors} />
              <TextField name="url" type="url" label="Site" defaultValue={secret?.url} errors={errors} />
            </>
          ) : null}
          {isLong ? (
            <LongField {...value} rows={6} inputClass="font-mono text-code" spellCheck={false} errors={errors} />
          ) : (
            <SecretField {...value} label={type === "login" ? `${value.label}: the password` : value.label} errors={errors} />
          )}
          {type === "login" ? (
            <SecretField name="totp_seed" label="Seed of its one-time codes" hint="Where the site asks for codes of an app." errors={errors} />
          ) : null}
          {type === "ssh_key" ? <SecretField name="passphrase" label="Passphrase of the key" hint="Where it has one." errors={errors} /> : null}
          <TextField name="description" label="What it is for" hint="Agents read this." defaultValue={secret?.description} errors={errors} />
        </>
      )}
    </FormDialog>
  );
}

function Details({ secret }: { secret: Secret }) {
  return (
    <>
      <Facts
        items={[
          ["Agents ask for", <code key="env" className="text-code">{secret.env_key}</code>],
          ["Kind", TYPES[secret.type]],
          ["Made", <Time key="made" at={secret.created_at} />],
          ["Changed", <Time key="changed" at={secret.updated_at} />],
          ["Expires", secret.expires_at ? <Time key="end" at={secret.expires_at} /> : "never"],
        ]}
      />
      <Grants secret={secret} />
      <Uses secretId={secret.id} />
    </>
  );
}

function Grants({ secret }: { secret: Secret }) {
  const agents = useQuery(agentsQuery());
  const grant = useGrant(secret.id);
  const revoke = useRevokeGrant(secret.id);
  const [agent, setAgent] = useState("");
  const granted = new Set(secret.grants.map((each) => each.agent_id));
  const others = (agents.data ?? []).filter((each) => !granted.has(each.id));
  const onError = (error: unknown) => failed("The grant was not changed", error);
  return (
    <Section title="Agents that may use it" className="mt-6">
      {secret.grants.length === 0 ? <p className="mb-3 text-sm text-muted">None.</p> : null}
      <ul className="mb-3 divide-y text-sm">
        {secret.grants.map((each) => (
          <li key={each.id} className="flex items-center gap-3 py-1.5">
            <AgentChip id={each.agent_id} />
            {each.expires_at ? (
              <span className="text-muted">
                until <Time at={each.expires_at} />
              </span>
            ) : null}
            <Button size="sm" look="quiet" className="ml-auto" aria-label={`Revoke from ${each.agent_id}`} onClick={() => revoke.mutate(each.agent_id, { onError })}>
              Revoke
            </Button>
          </li>
        ))}
      </ul>
      <form
        className="flex gap-2"
        onSubmit={(event) => {
          event.preventDefault();
          if (agent) grant.mutate(agent, { onError, onSuccess: () => setAgent("") });
        }}
      >
        <Select aria-label="Agent" value={agent} onChange={(event) => setAgent(event.target.value)}>
          <option value="">Choose an agent</option>
          {others.map((each) => (
            <option key={each.id} value={each.id}>
              {each.name}
            </option>
          ))}
        </Select>
        <Button type="submit" busy={grant.isPending} refusal={agent ? null : "Choose an agent first."}>
          Grant
        </Button>
      </form>
    </Section>
  );
}

const HOW = { injected: "used in a command", revealed: "shown", code: "gave a code", refused: "refused" } as const;

function Uses({ secretId }: { secretId: string }) {
  const uses = useInfiniteQuery(accessQuery(secretId));
  return (
    <Section title="Uses" className="mt-6">
      <Loaded query={uses}>
        {(data) => {
          const rows = rowsOf(data);
          return rows.length === 0 ? (
            <p className="text-sm text-muted">It has not been used.</p>
          ) : (
            <>
              <ul className="divide-y text-sm">
                {rows.map((row) => (
                  <li key={row.id} className="flex items-baseline gap-3 py-1.5">
                    <Badge tone={row.how === "refused" ? "bad" : "quiet"}>{HOW[row.how]}</Badge>
                    {row.agent_id ? <AgentChip id={row.agent_id} /> : <span>a person</span>}
                    <Time at={row.at} className="ml-auto text-xs text-muted" />
                  </li>
                ))}
              </ul>
              <More query={uses} what="uses" />
            </>
          );
        }}
      </Loaded>
    </Section>
  );
}
