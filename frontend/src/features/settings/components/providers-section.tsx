import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { Plug, Plus } from "lucide-react";
import { useState } from "react";

import type { Schemas } from "@/api/client";
import { llmKeys, providersQuery, type Provider } from "@/api/llm";
import { refusal, useMe } from "@/api/me";
import { FormDialog, textOf } from "@/components/form-dialog";
import { Loaded } from "@/components/loaded";
import { Badge, type Tone } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Dialog, SheetContent } from "@/components/ui/dialog";
import { EmptyState } from "@/components/ui/empty-state";
import { Time } from "@/components/ui/facts";
import { Field, Input, Select } from "@/components/ui/input";
import { PageHeader } from "@/components/ui/page-header";
import { Row, Table, TableBody, TableHead, Td, Th } from "@/components/ui/table";
import { useFresh } from "@/hooks/use-fresh";

import { useCreateProvider } from "../mutations";
import { ProviderDetails } from "./provider-details";

const route = getRouteApi("/_shell/settings/$section");

const UNKNOWN: [word: string, tone: Tone] = ["not asked yet", "quiet"];
const HEALTH: Record<string, [word: string, tone: Tone]> = {
  ok: ["answers", "ok"],
  down: ["fails", "bad"],
};

export function HealthBadge({ provider }: { provider: Provider }) {
  const [word, tone] = HEALTH[provider.health] ?? UNKNOWN;
  return (
    <Badge tone={tone} title={provider.last_error || undefined}>
      {word}
    </Badge>
  );
}

export function ProvidersSection() {
  const me = useMe();
  const { provider: open } = route.useSearch();
  const navigate = route.useNavigate();
  const providers = useQuery(providersQuery());
  const [making, setMaking] = useState(false);
  useFresh(me.is_admin ? "llm" : null, () => [llmKeys.all], [llmKeys.all]);
  const show = (provider: string | undefined) => void navigate({ search: { provider } });
  const shown = providers.data?.find((each) => each.id === open);
  return (
    <>
      <PageHeader
        title="Providers"
        actions={
          <Button look="primary" refusal={refusal(me, "admin")} onClick={() => setMaking(true)}>
            <Plus aria-hidden />
            Own server
          </Button>
        }
      >
        Keys are sealed when they are saved, and never shown again. Agents never see them.
      </PageHeader>
      <Loaded query={providers}>
        {(all) =>
          all.length === 0 ? (
            <EmptyState icon={Plug} title="There is no provider." />
          ) : (
            <ProviderTable rows={[...all].sort(usableFirst)} onOpen={show} />
          )
        }
      </Loaded>
      <Dialog open={shown !== undefined} onOpenChange={(on) => (on ? undefined : show(undefined))}>
        {shown ? (
          <SheetContent title={shown.label} description={shown.base_url || undefined} className="sm:w-[min(40rem,100vw)]">
            <ProviderDetails provider={shown} onDeleted={() => show(undefined)} />
          </SheetContent>
        ) : null}
      </Dialog>
      {making ? <NewProvider onClose={() => setMaking(false)} onMade={show} /> : null}
    </>
  );
}

const usableFirst = (a: Provider, b: Provider): number =>
  Number(b.keys.length > 0) - Number(a.keys.length > 0) || Number(b.usable) - Number(a.usable) || a.label.localeCompare(b.label);

function ProviderTable({ rows, onOpen }: { rows: Provider[]; onOpen: (id: string) => void }) {
  return (
    <Table>
      <TableHead>
        <tr>
          <Th>Provider</Th>
          <Th>State</Th>
          <Th>Key</Th>
          <Th>Last asked</Th>
          <Th>
            <span className="sr-only">Actions</span>
          </Th>
        </tr>
      </TableHead>
      <TableBody>
        {rows.map((provider) => (
          <Row key={provider.id}>
            <Td className="font-medium">
              {provider.label}
              {provider.kind === "custom" ? <Badge className="ml-2">own server</Badge> : null}
              {provider.enabled ? null : <Badge className="ml-2">off</Badge>}
            </Td>
            <Td>
              <HealthBadge provider={provider} />
            </Td>
            <Td>
              {provider.keys.length > 0 ? (
                <span className="font-mono text-code">
                  {provider.keys[0]?.masked} <span className="text-muted">({provider.keys[0]?.scope.replace("_", " ")})</span>
                </span>
              ) : provider.key_required ? (
                <span className="text-muted">none</span>
              ) : (
                <span className="text-muted">needs none</span>
              )}
            </Td>
            <Td>{provider.checked_at ? <Time at={provider.checked_at} /> : <span className="text-muted">never</span>}</Td>
            <Td className="text-right">
              <Button size="sm" onClick={() => onOpen(provider.id)} aria-label={`Set up ${provider.label}`}>
                Set up
              </Button>
            </Td>
          </Row>
        ))}
      </TableBody>
    </Table>
  );
}

function NewProvider({ onClose, onMade }: { onClose: () => void; onMade: (id: string) => void }) {
  const create = useCreateProvider();
  const submit = async (values: FormData) => {
    const made = await create.mutateAsync({
      slug: textOf(values, "slug"),
      label: textOf(values, "label"),
      base_url: textOf(values, "base_url"),
      dialect: textOf(values, "dialect") as Schemas["DialectEnum"],
      allow_private: values.get("allow_private") === "on",
    });
    onMade(made.id);
  };
  return (
    <FormDialog
      open
      onOpenChange={onClose}
      title="Own server"
      description="Any server that speaks the protocol of OpenAI or Anthropic, such as vLLM, Ollama or LM Studio."
      action="Add server"
      onSubmit={submit}
    >
      {(errors) => (
        <>
          <Field label="Short name" hint="Models are called custom-NAME/MODEL." error={errors["slug"]}>
            {(control) => <Input {...control} name="slug" required pattern="[a-z0-9\-]{2,32}" autoComplete="off" />}
          </Field>
          <Field label="Label" error={errors["label"]}>
            {(control) => <Input {...control} name="label" autoComplete="off" />}
          </Field>
          <Field label="Address" error={errors["base_url"]}>
            {(control) => <Input {...control} name="base_url" type="url" required placeholder="http://127.0.0.1:11434/v1" autoComplete="off" />}
          </Field>
          <Field label="Protocol" error={errors["dialect"]}>
            {(control) => (
              <Select {...control} name="dialect" defaultValue="openai">
                <option value="openai">OpenAI</option>
                <option value="anthropic">Anthropic</option>
              </Select>
            )}
          </Field>
          <label className="flex items-start gap-2 text-sm">
            <input type="checkbox" name="allow_private" className="mt-0.5 size-4 accent-accent" />
            <span>
              It stands in our own network
              <span className="block text-xs text-muted">Without this, private addresses are refused.</span>
            </span>
          </label>
        </>
      )}
    </FormDialog>
  );
}
