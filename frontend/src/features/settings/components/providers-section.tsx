import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { Plug, Plus } from "lucide-react";
import { useState } from "react";

import type { Schemas } from "@/api/client";
import { llmKeys, providersQuery, type Provider } from "@/api/llm";
import { refusal, useMe } from "@/api/me";
import { DataTable, type Column } from "@/components/data-table";
import { CheckField, ChoiceField, TextField } from "@/components/fields";
import { FormDialog, textOf } from "@/components/form-dialog";
import { Loaded } from "@/components/loaded";
import { Badge, type Tone } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Dialog, SheetContent } from "@/components/ui/dialog";
import { EmptyState } from "@/components/ui/empty-state";
import { Time } from "@/components/ui/facts";
import { PageHeader, Section } from "@/components/ui/page-header";
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
            <>
              <DataTable
                label="Providers"
                rows={all.filter(isSetUp).sort(keyFirst)}
                columns={COLUMNS}
                id={(provider) => provider.id}
                actions={(provider) => (
                  <Button size="sm" onClick={() => show(provider.id)} aria-label={`Set up ${provider.label}`}>
                    Set up
                  </Button>
                )}
              />
              <Section title="More providers">
                <ul className="grid grid-cols-2 gap-2 md:grid-cols-3 xl:grid-cols-5">
                  {all.filter((provider) => !isSetUp(provider)).sort(keyFirst).map((provider) => (
                    <li key={provider.id}>
                      <Button className="w-full justify-start" onClick={() => show(provider.id)} aria-label={`Set up ${provider.label}`}>
                        <Plus aria-hidden />
                        <span className="truncate">{provider.label}</span>
                      </Button>
                    </li>
                  ))}
                </ul>
              </Section>
            </>
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

/** Whether there is something to tell of it: a key, or that it needs none. */
const isSetUp = (provider: Provider): boolean => provider.keys.length > 0 || provider.usable || provider.kind === "custom";

const keyFirst = (a: Provider, b: Provider): number =>
  Number(b.keys.length > 0) - Number(a.keys.length > 0) || a.label.localeCompare(b.label);

const COLUMNS: Column<Provider>[] = [
  {
    head: "Provider",
    className: "font-medium",
    cell: (provider) => (
      <>
        {provider.label}
        {provider.kind === "custom" ? <Badge className="ml-2">own server</Badge> : null}
        {provider.enabled ? null : <Badge className="ml-2">off</Badge>}
      </>
    ),
  },
  { head: "State", cell: (provider) => <HealthBadge provider={provider} /> },
  { head: "Key", cell: (provider) => <FirstKey provider={provider} /> },
  {
    head: "Last asked",
    cell: (provider) => (provider.checked_at ? <Time at={provider.checked_at} /> : <span className="text-muted">never</span>),
  },
];

function FirstKey({ provider }: { provider: Provider }) {
  const key = provider.keys[0];
  if (!key) return <span className="text-muted">{provider.key_required ? "none" : "needs none"}</span>;
  return (
    <span className="font-mono text-code">
      {key.masked} <span className="text-muted">({key.scope.replace("_", " ")})</span>
    </span>
  );
}

const DIALECTS = { openai: "OpenAI", anthropic: "Anthropic" };

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
          <TextField name="slug" label="Short name" hint="Models are called custom-NAME/MODEL." required pattern="[a-z0-9\-]{2,32}" errors={errors} />
          <TextField name="label" label="Label" errors={errors} />
          <TextField name="base_url" type="url" label="Address" required placeholder="http://127.0.0.1:11434/v1" errors={errors} />
          <ChoiceField name="dialect" label="Protocol" options={DIALECTS} defaultValue="openai" errors={errors} />
          <CheckField name="allow_private" label="It stands in our own network" hint="Without this, private addresses are refused." />
        </>
      )}
    </FormDialog>
  );
}
