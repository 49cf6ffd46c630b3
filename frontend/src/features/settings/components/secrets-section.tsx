import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { KeyRound, Plus } from "lucide-react";
import { useState } from "react";

import { agentsQuery } from "@/api/agents";
import { refusal, useMe } from "@/api/me";
import { rowsOf } from "@/api/paging";
import { FormDialog, textOf } from "@/components/form-dialog";
import { Loaded } from "@/components/loaded";
import { More } from "@/components/more";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Confirm } from "@/components/ui/confirm";
import { Dialog, SheetContent } from "@/components/ui/dialog";
import { EmptyState } from "@/components/ui/empty-state";
import { AgentChip, Facts, Time } from "@/components/ui/facts";
import { Field, Input, Select, Textarea } from "@/components/ui/input";
import { PageHeader, Section } from "@/components/ui/page-header";
import { Row, Table, TableBody, TableHead, Td, Th } from "@/components/ui/table";
import { failed } from "@/lib/toast";

import {
  accessQuery, secretsQuery, useCreateSecret, useDeleteSecret, useGrant, useRevokeGrant, type Secret,
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
  const [making, setMaking] = useState(false);
  const [open, setOpen] = useState<string | null>(null);
  const [leaving, setLeaving] = useState<Secret | null>(null);
  const shown = secrets.data?.find((secret) => secret.id === open);
  return (
    <>
      <PageHeader
        title="Secrets"
        actions={
          <Button look="primary" refusal={refusal(me, "member")} onClick={() => setMaking(true)}>
            <Plus aria-hidden />
            New secret
          </Button>
        }
      >
        What agents use without being told it. A value is written and not read back; each use is logged.
      </PageHeader>
      <Loaded query={secrets}>
        {(rows) =>
          rows.length === 0 ? (
            <EmptyState icon={KeyRound} title="There is no secret yet." />
          ) : (
            <SecretTable rows={rows} onOpen={(secret) => setOpen(secret.id)} onDelete={setLeaving} />
          )
        }
      </Loaded>
      {making ? <NewSecret isAdmin={me.is_admin} onClose={() => setMaking(false)} /> : null}
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

interface SecretTableProps {
  rows: Secret[];
  onOpen: (secret: Secret) => void;
  onDelete: (secret: Secret) => void;
}

function SecretTable({ rows, onOpen, onDelete }: SecretTableProps) {
  return (
    <Table>
      <TableHead>
        <tr>
          <Th>Secret</Th>
          <Th>Kind</Th>
          <Th>Whose</Th>
          <Th>Ends in</Th>
          <Th numeric>Agents</Th>
          <Th>Last used</Th>
          <Th>
            <span className="sr-only">Actions</span>
          </Th>
        </tr>
      </TableHead>
      <TableBody>
        {rows.map((secret) => (
          <Row key={secret.id}>
            <Td>
              <span className="font-medium">{secret.name}</span>
              {secret.rotation_due ? <Badge tone="warn" className="ml-2">change it</Badge> : null}
              <span className="block font-mono text-code text-muted">{secret.env_key}</span>
            </Td>
            <Td>{TYPES[secret.type]}</Td>
            <Td>{secret.scope}</Td>
            <Td className="font-mono text-code">{secret.masked || "–"}</Td>
            <Td numeric>{secret.grants.length}</Td>
            <Td>{secret.last_used_at ? <Time at={secret.last_used_at} /> : <span className="text-muted">never</span>}</Td>
            <Td className="text-right whitespace-nowrap">
              <Button size="sm" look="quiet" onClick={() => onOpen(secret)} aria-label={`Who may use ${secret.name}`}>
                Who may use it
              </Button>
              <Button
                size="sm"
                look="quiet"
                refusal={secret.may_manage ? null : "It is not yours."}
                onClick={() => onDelete(secret)}
                aria-label={`Delete ${secret.name}`}
              >
                Delete
              </Button>
            </Td>
          </Row>
        ))}
      </TableBody>
    </Table>
  );
}

function NewSecret({ isAdmin, onClose }: { isAdmin: boolean; onClose: () => void }) {
  const create = useCreateSecret();
  const [type, setType] = useState<Secret["type"]>("env");
  const submit = (values: FormData) => {
    const value = (values.get("value") as string | null) ?? "";
    return create.mutateAsync({
      name: textOf(values, "name"),
      type,
      scope: textOf(values, "scope") === "instance" ? "instance" : "user",
      description: textOf(values, "description"),
      value,
      ...(type === "login" ? { username: textOf(values, "username"), url: textOf(values, "url") } : {}),
    });
  };
  const isLong = type === "file" || type === "ssh_key";
  return (
    <FormDialog open onOpenChange={onClose} title="New secret" action="Save secret" onSubmit={submit}>
      {(errors) => (
        <>
          <Field label="Name" error={errors["name"]}>
            {(control) => <Input {...control} name="name" required autoComplete="off" />}
          </Field>
          <Field label="Kind" error={errors["type"]}>
            {(control) => (
              <Select {...control} value={type} onChange={(event) => setType(event.target.value as Secret["type"])}>
                {Object.entries(TYPES).map(([key, word]) => (
                  <option key={key} value={key}>
                    {word}
                  </option>
                ))}
              </Select>
            )}
          </Field>
          {isAdmin ? (
            <Field label="Whose" error={errors["scope"]}>
              {(control) => (
                <Select {...control} name="scope" defaultValue="user">
                  {Object.entries(SCOPES).map(([key, word]) => (
                    <option key={key} value={key}>
                      {word}
                    </option>
                  ))}
                </Select>
              )}
            </Field>
          ) : null}
          {type === "login" ? (
            <>
              <Field label="User name" error={errors["username"]}>
                {(control) => <Input {...control} name="username" autoComplete="off" />}
              </Field>
              <Field label="Site" error={errors["url"]}>
                {(control) => <Input {...control} name="url" type="url" autoComplete="off" />}
              </Field>
            </>
          ) : null}
          <Field label="Value" hint="It is sealed when it is saved, and not shown again." error={errors["value"]}>
            {(control) =>
              isLong ? (
                <Textarea {...control} name="value" required rows={6} className="font-mono text-code" spellCheck={false} />
              ) : (
                <Input {...control} name="value" type="password" required autoComplete="off" spellCheck={false} />
              )
            }
          </Field>
          <Field label="What it is for" hint="Agents read this." error={errors["description"]}>
            {(control) => <Input {...control} name="description" autoComplete="off" />}
          </Field>
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
