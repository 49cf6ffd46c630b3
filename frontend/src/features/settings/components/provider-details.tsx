import { useQuery } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";

import type { Schemas } from "@/api/client";
import type { Provider } from "@/api/llm";
import { refusal, useMe } from "@/api/me";
import { problemOf } from "@/api/problem";
import { Loaded } from "@/components/loaded";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Checkbox, Switch } from "@/components/ui/checkbox";
import { Confirm } from "@/components/ui/confirm";
import { Field, Input, Select } from "@/components/ui/input";
import { Section } from "@/components/ui/page-header";
import { ProblemPanel } from "@/components/ui/problem-panel";
import { count, duration, exact, money } from "@/lib/format";
import { failed, said } from "@/lib/toast";

import {
  useChangeProvider, useDeleteProvider, useEndShare, usePutKey, useRemoveKey, useShare, useTestProvider, type KeyScope,
} from "../mutations";
import { modelsOfQuery, sharesQuery } from "../queries";

export function ProviderDetails({ provider, onDeleted }: { provider: Provider; onDeleted: () => void }) {
  const me = useMe();
  return (
    <>
      {provider.needs ? <p className="mb-3 text-sm text-warn">It still lacks: {provider.needs}</p> : null}
      {provider.last_error ? <p className="mb-3 text-sm text-bad">Last error: {provider.last_error}</p> : null}
      {provider.kind === "scripted" ? null : <KeyForm provider={provider} />}
      <TestForm provider={provider} />
      <Models provider={provider} />
      {me.is_admin && provider.kind !== "scripted" ? (
        <>
          <Shares provider={provider} />
          <Manage provider={provider} onDeleted={onDeleted} />
        </>
      ) : null}
    </>
  );
}

const SCOPES: Record<KeyScope, string> = { instance: "For the whole instance", me: "Only for me" };

function KeyForm({ provider }: { provider: Provider }) {
  const me = useMe();
  const put = usePutKey();
  const remove = useRemoveKey();
  const [scope, setScope] = useState<KeyScope>(me.is_admin ? "instance" : "me");
  const [unattended, setUnattended] = useState(true);
  const [shared, setShared] = useState(true);
  const [leaving, setLeaving] = useState<KeyScope | null>(null);
  const refused = refusal(me, "member");
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = event.currentTarget;
    const key = ((new FormData(form).get("key") as string | null) ?? "").trim();
    const body: Schemas["KeyWriteRequest"] =
      scope === "instance" ? { key, allow_unattended: unattended, share_with_all: shared } : { key };
    put.mutate(
      { id: provider.id, scope, body },
      {
        onSuccess: () => {
          form.reset();
          put.reset();
          said("Key saved");
        },
      },
    );
  };
  const problem = put.error ? problemOf(put.error) : null;
  return (
    <Section title="Key">
      {provider.keys.length > 0 ? (
        <ul className="mb-3 divide-y rounded-card border">
          {provider.keys.map((key) => (
            <li key={`${key.scope}-${key.masked}`} className="flex flex-wrap items-center gap-3 px-3 py-2 text-sm">
              <span className="font-mono text-code">{key.masked}</span>
              <span className="text-muted">{key.scope.replace("_", " ")}</span>
              <Badge tone={key.status === "ok" ? "ok" : key.status === "invalid" ? "bad" : "quiet"}>{key.status}</Badge>
              <RemoveKey scope={key.scope} isAdmin={me.is_admin} onRemove={setLeaving} />
            </li>
          ))}
        </ul>
      ) : null}
      <form onSubmit={submit} className="grid gap-3">
        <Field label="New key" hint="It takes the place of the one before." error={problem?.fields["key"]}>
          {(control) => <Input {...control} name="key" type="password" required autoComplete="off" spellCheck={false} />}
        </Field>
        {me.is_admin ? (
          <Field label="Whose">
            {(control) => (
              <Select {...control} value={scope} onChange={(event) => setScope(event.target.value as KeyScope)}>
                {(Object.entries(SCOPES) as [KeyScope, string][]).map(([key, word]) => (
                  <option key={key} value={key}>
                    {word}
                  </option>
                ))}
              </Select>
            )}
          </Field>
        ) : null}
        {scope === "instance" ? (
          <>
            <Checkbox label="Everybody may use it" checked={shared} onCheckedChange={(on) => setShared(on === true)} />
            <Checkbox label="Work that nobody started may use it" checked={unattended} onCheckedChange={(on) => setUnattended(on === true)} />
          </>
        ) : null}
        {problem && Object.keys(problem.fields).length === 0 ? <ProblemPanel problem={problem} /> : null}
        <Button type="submit" look="primary" refusal={refused} busy={put.isPending} className="justify-self-start">
          Save key
        </Button>
      </form>
      <Confirm
        open={leaving !== null}
        onOpenChange={() => setLeaving(null)}
        title={`Remove this key of ${provider.label}?`}
        action="Remove key"
        onConfirm={() => remove.mutateAsync({ id: provider.id, scope: leaving ?? "me" })}
      >
        Calls that would use it fail, or fall over to another key or model.
      </Confirm>
    </Section>
  );
}

function RemoveKey({ scope, isAdmin, onRemove }: { scope: string; isAdmin: boolean; onRemove: (scope: KeyScope) => void }) {
  const own: KeyScope | null = scope === "personal" ? "me" : scope === "instance" && isAdmin ? "instance" : null;
  if (!own) return null;
  return (
    <Button size="sm" look="quiet" className="ml-auto" onClick={() => onRemove(own)}>
      Remove
    </Button>
  );
}

function TestForm({ provider }: { provider: Provider }) {
  const me = useMe();
  const test = useTestProvider(provider.id);
  const [model, setModel] = useState("");
  return (
    <Section title="Test">
      <form
        className="flex flex-wrap gap-2"
        onSubmit={(event) => {
          event.preventDefault();
          test.mutate(model.trim());
        }}
      >
        <Input aria-label="Model to ask" placeholder="Its cheapest model" className="w-56" value={model} onChange={(event) => setModel(event.target.value)} />
        <Button type="submit" busy={test.isPending} refusal={refusal(me, "member")}>
          Make a test call
        </Button>
      </form>
      <div role="status" className="mt-2 text-sm">
        {test.data ? (
          <span className="text-ok">
            {test.data.model} answered in {duration(test.data.latency_ms / 1_000)}, with the key: {test.data.key_source}.
          </span>
        ) : null}
      </div>
      {test.error ? <ProblemPanel problem={test.error} className="mt-2" /> : null}
    </Section>
  );
}

const LIST_SOURCES: Record<string, string> = { live: "as the provider says now", cached: "as the provider said before", static: "as we know them" };

function Models({ provider }: { provider: Provider }) {
  const models = useQuery(modelsOfQuery(provider.id));
  return (
    <Section title="Models">
      <Loaded query={models}>
        {(list) => (
          <>
            <p className="mb-2 text-xs text-muted">
              {count(list.models.length)} models, {LIST_SOURCES[list.source]}
              {list.fetched_at ? `, ${exact(list.fetched_at)}` : ""}
              {list.problem ? <span className="text-warn"> ({list.problem})</span> : null}
            </p>
            {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls must be reachable by keys */}
            <ul className="max-h-72 divide-y overflow-y-auto rounded-card border text-sm" tabIndex={0} aria-label="Models">
              {list.models.map((model) => (
                <li key={model.name} className="flex items-baseline gap-3 px-3 py-1.5">
                  <span className="min-w-0 flex-1 truncate font-mono text-code" title={model.name}>
                    {model.model}
                  </span>
                  <span className="text-xs whitespace-nowrap text-muted">
                    {model.context_window ? `${count(model.context_window)} window` : ""}
                  </span>
                  <span className="text-xs whitespace-nowrap text-muted" title="US dollars a million tokens, in and out">
                    {model.price?.input == null ? "price unknown" : `${money(model.price.input)} / ${money(model.price.output)}`}
                  </span>
                </li>
              ))}
            </ul>
          </>
        )}
      </Loaded>
    </Section>
  );
}

function Shares({ provider }: { provider: Provider }) {
  const shares = useQuery(sharesQuery(provider.id));
  const share = useShare(provider.id);
  const end = useEndShare(provider.id);
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = event.currentTarget;
    const text = (name: string) => ((new FormData(form).get(name) as string | null) ?? "").trim();
    share.mutate(
      {
        user_id: text("user_id") || null,
        daily_calls: text("daily_calls") ? Number(text("daily_calls")) : null,
        daily_cost_usd: text("daily_cost_usd") || null,
      },
      { onSuccess: () => form.reset() },
    );
  };
  return (
    <Section title="Who may use the instance’s key">
      <Loaded query={shares}>
        {(rows) =>
          rows.length === 0 ? (
            <p className="mb-3 text-sm text-muted">Nobody but administrators.</p>
          ) : (
            <ul className="mb-3 divide-y rounded-card border text-sm">
              {rows.map((row) => (
                <li key={row.id} className="flex flex-wrap items-center gap-3 px-3 py-2">
                  <span className="font-medium">{row.user_id || "Everybody"}</span>
                  <span className="text-muted">
                    {[
                      row.daily_calls ? `${count(row.daily_calls)} calls a day` : "",
                      row.daily_cost_usd ? `${money(row.daily_cost_usd)} a day` : "",
                      row.expires_at ? `until ${exact(row.expires_at)}` : "",
                    ]
                      .filter(Boolean)
                      .join(", ") || "without limit"}
                  </span>
                  <Button
                    size="sm"
                    look="quiet"
                    className="ml-auto"
                    aria-label={`End share with ${row.user_id || "everybody"}`}
                    onClick={() => end.mutate(row.id, { onError: (error) => failed("The share was not ended", error) })}
                  >
                    End share
                  </Button>
                </li>
              ))}
            </ul>
          )
        }
      </Loaded>
      <form onSubmit={submit} className="flex flex-wrap items-end gap-2">
        <Field label="Person’s id" className="w-40">
          {(control) => <Input {...control} name="user_id" placeholder="Everybody" autoComplete="off" />}
        </Field>
        <Field label="Calls a day" className="w-28">
          {(control) => <Input {...control} name="daily_calls" type="number" min="1" />}
        </Field>
        <Field label="Dollars a day" className="w-28">
          {(control) => <Input {...control} name="daily_cost_usd" type="number" min="0" step="0.01" />}
        </Field>
        <Button type="submit" busy={share.isPending}>
          Share
        </Button>
      </form>
      {share.error ? <ProblemPanel problem={share.error} className="mt-2" /> : null}
    </Section>
  );
}

function Manage({ provider, onDeleted }: { provider: Provider; onDeleted: () => void }) {
  const change = useChangeProvider(provider.id);
  const remove = useDeleteProvider();
  const [asking, setAsking] = useState(false);
  return (
    <Section title="Use">
      <Switch
        label="Agents may use this provider"
        checked={provider.enabled}
        disabled={change.isPending}
        onCheckedChange={(enabled) =>
          change.mutate({ enabled }, { onError: (error) => failed("The provider was not changed", error) })
        }
      />
      {provider.kind === "custom" ? (
        <Button look="bad" className="mt-3" onClick={() => setAsking(true)}>
          Delete server
        </Button>
      ) : null}
      <Confirm
        open={asking}
        onOpenChange={setAsking}
        title={`Delete ${provider.label}?`}
        action="Delete server"
        onConfirm={() => remove.mutateAsync(provider.id).then(onDeleted)}
      >
        Its keys and shares go with it. Agents that name its models fail until they name another.
      </Confirm>
    </Section>
  );
}
