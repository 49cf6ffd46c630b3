import { useSuspenseQuery } from "@tanstack/react-query";
import { useState } from "react";

import { api, ok } from "@/api/client";
import { providersQuery } from "@/api/llm";
import { Button } from "@/components/ui/button";
import { Field, Input, Select } from "@/components/ui/input";
import { ProblemPanel } from "@/components/ui/problem-panel";

import { entryOf, useEntry } from "../use-entry";

const SCRIPTED = "scripted/demo";

/** A key of a provider, tested; or the model that plays a script, to look around with. */
export function ModelStep({ onDone }: { onDone: () => void }) {
  const { data } = useSuspenseQuery(providersQuery());
  const providers = data.filter((provider) => provider.key_required && provider.kind === "builtin");
  const [chosen, setChosen] = useState("");
  const { busy, problem, onSubmit, attempt } = useEntry();
  const provider_id = chosen || (providers[0]?.id ?? "");
  const path = { provider_id };
  const submit = async (values: FormData) => {
    const body = { key: entryOf(values, "key").trim() };
    await ok(api.PUT("/v1/llm/providers/{provider_id}/key", { params: { path }, body }));
    await ok(api.POST("/v1/llm/providers/{provider_id}/test", { params: { path }, body: {} }));
    onDone();
  };
  const useScript = async () => {
    await ok(api.PATCH("/v1/llm/settings", { body: { default_working_model: SCRIPTED } }));
    onDone();
  };
  return (
    <>
      <form onSubmit={onSubmit(submit)} className="grid gap-4">
        {problem ? <ProblemPanel problem={problem} /> : null}
        <Field label="Provider">
          {(control) => (
            <Select {...control} value={provider_id} onChange={(event) => setChosen(event.target.value)}>
              {providers.map((provider) => (
                <option key={provider.id} value={provider.id}>
                  {provider.label}
                </option>
              ))}
            </Select>
          )}
        </Field>
        <Field label="API key" hint="It is sealed at once and never shown again. Agents never see it.">
          {(control) => <Input {...control} name="key" type="password" required autoComplete="off" />}
        </Field>
        <Button type="submit" look="primary" size="lg" busy={busy}>
          Save and test the key
        </Button>
      </form>
      <div className="mt-5 grid gap-2 border-t pt-5">
        <Button size="lg" busy={busy} onClick={() => void attempt(useScript)}>
          Use the scripted demo model
        </Button>
        <p className="text-xs text-muted">It plays a script, costs nothing and needs no network: good for a first look.</p>
        <Button look="link" className="justify-self-start" onClick={onDone}>
          Skip
        </Button>
      </div>
    </>
  );
}

/** What all agents together may cost in a month. */
export function BudgetStep({ onDone }: { onDone: () => void }) {
  const { busy, problem, errors, onSubmit } = useEntry();
  const submit = async (values: FormData) => {
    const hard_usd = entryOf(values, "hard_usd");
    await ok(api.POST("/v1/llm/budgets", { body: { scope: "instance", window: "month", hard_usd: Number(hard_usd) } }));
    onDone();
  };
  return (
    <form onSubmit={onSubmit(submit)} className="grid gap-4">
      <p className="text-sm text-muted">
        The money is set aside before each call to a model, so the limit holds however many agents work.
      </p>
      {problem && !errors.hard_usd ? <ProblemPanel problem={problem} /> : null}
      <Field label="Dollars a month, for all agents together" error={errors.hard_usd}>
        {(control) => <Input {...control} name="hard_usd" type="number" min="0.01" step="0.01" required defaultValue="50" className="max-w-40" />}
      </Field>
      <div className="flex items-center gap-4">
        <Button type="submit" look="primary" size="lg" busy={busy}>
          Set the budget
        </Button>
        <Button look="link" onClick={onDone}>
          Skip
        </Button>
      </div>
    </form>
  );
}
