import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { modelsQuery } from "@/api/llm";
import type { Schemas } from "@/api/client";
import type { Budget } from "@/api/usage";
import { FormDialog, numberOf, textOf } from "@/components/form-dialog";
import { Checkbox } from "@/components/ui/checkbox";
import { Field, Input, Select } from "@/components/ui/input";

import { useChangeBudget, useCreateBudget } from "../mutations";

export const SCOPES: Record<Schemas["ScopeEnum"], string> = {
  instance: "The whole instance",
  user: "Each person",
  project: "Each project",
  agent: "Each agent",
  run: "Each run",
  session: "Each session",
};
export const WINDOWS: Record<Schemas["WindowEnum"], string> = {
  hour: "An hour",
  day: "A day",
  week: "A week",
  month: "A month",
  total: "All time",
};
export const ACTIONS: Record<Schemas["ActionEnum"], string> = {
  warn: "Only warn",
  pause: "Park the step until there is room",
  downgrade: "Go on with a cheaper model",
};

const LIMITS = [
  ["soft_usd", "Warn at, US dollars", "0.01"],
  ["hard_usd", "Stop at, US dollars", "0.01"],
  ["soft_tokens", "Warn at, tokens", "1"],
  ["hard_tokens", "Stop at, tokens", "1"],
  ["soft_calls", "Warn at, calls", "1"],
  ["hard_calls", "Stop at, calls", "1"],
] as const;

interface BudgetFormProps {
  /** Null: a new one. */
  budget: Budget | null;
  open: boolean;
  onOpenChange: (open: boolean) => void;
}

export function BudgetForm({ budget, open, onOpenChange }: BudgetFormProps) {
  const create = useCreateBudget();
  const change = useChangeBudget();
  const models = useQuery({ ...modelsQuery(), enabled: open });
  const [action, setAction] = useState<Schemas["ActionEnum"]>(budget?.action ?? "pause");
  const [enabled, setEnabled] = useState(budget?.enabled ?? true);
  const [scope, setScope] = useState<Schemas["ScopeEnum"]>(budget?.scope ?? "user");
  const submit = (values: FormData) => {
    const limits = {
      soft_usd: numberOf(values, "soft_usd"),
      hard_usd: numberOf(values, "hard_usd"),
      soft_tokens: numberOf(values, "soft_tokens"),
      hard_tokens: numberOf(values, "hard_tokens"),
      soft_calls: numberOf(values, "soft_calls"),
      hard_calls: numberOf(values, "hard_calls"),
      action,
      downgrade_model: textOf(values, "downgrade_model"),
      enabled,
    };
    if (budget) return change.mutateAsync({ budget, change: limits });
    const window = textOf(values, "window") as Schemas["WindowEnum"];
    return create.mutateAsync({ ...limits, scope, ref: textOf(values, "ref"), window });
  };
  return (
    <FormDialog
      open={open}
      onOpenChange={onOpenChange}
      title={budget ? "Change budget" : "New budget"}
      description="A call is held back before it could pass the limit, at its worst case."
      action={budget ? "Save budget" : "Make budget"}
      onSubmit={submit}
    >
      {(errors) => (
        <>
          {budget ? null : (
            <div className="grid gap-4 sm:grid-cols-2">
              <Field label="Holds for" error={errors["scope"]}>
                {(control) => (
                  <Select {...control} value={scope} onChange={(event) => setScope(event.target.value as Schemas["ScopeEnum"])}>
                    {Object.entries(SCOPES).map(([key, word]) => (
                      <option key={key} value={key}>
                        {word}
                      </option>
                    ))}
                  </Select>
                )}
              </Field>
              <Field label="In" error={errors["window"]}>
                {(control) => (
                  <Select {...control} name="window" defaultValue="day">
                    {Object.entries(WINDOWS).map(([key, word]) => (
                      <option key={key} value={key}>
                        {word}
                      </option>
                    ))}
                  </Select>
                )}
              </Field>
              {scope === "instance" ? null : (
                <Field label={`Only this ${scope}`} hint="Its id. Empty: each one apart." error={errors["ref"]} className="sm:col-span-2">
                  {(control) => <Input {...control} name="ref" autoComplete="off" />}
                </Field>
              )}
            </div>
          )}
          <div className="grid grid-cols-2 gap-4">
            {LIMITS.map(([name, label, step]) => (
              <Field key={name} label={label} error={errors[name]}>
                {(control) => (
                  <Input {...control} name={name} type="number" min="0" step={step} inputMode="decimal" defaultValue={budget?.[name] ?? ""} />
                )}
              </Field>
            ))}
          </div>
          <Field label="At the stop" error={errors["action"]}>
            {(control) => (
              <Select {...control} value={action} onChange={(event) => setAction(event.target.value as Schemas["ActionEnum"])}>
                {Object.entries(ACTIONS).map(([key, word]) => (
                  <option key={key} value={key}>
                    {word}
                  </option>
                ))}
              </Select>
            )}
          </Field>
          {action === "downgrade" ? (
            <Field label="Cheaper model" error={errors["downgrade_model"]}>
              {(control) => (
                <>
                  <Input {...control} name="downgrade_model" list="budget-models" defaultValue={budget?.downgrade_model ?? ""} required />
                  <datalist id="budget-models">
                    {(models.data ?? []).map((model) => (
                      <option key={model.name} value={model.name} />
                    ))}
                  </datalist>
                </>
              )}
            </Field>
          ) : null}
          <Checkbox label="In force" checked={enabled} onCheckedChange={(checked) => setEnabled(checked === true)} />
        </>
      )}
    </FormDialog>
  );
}
