import { useState } from "react";

import type { Schemas } from "@/api/client";
import type { Budget } from "@/api/usage";
import { ChoiceField, ModelField, NumberField, TextField } from "@/components/fields";
import { FormDialog, numberOf, textOf } from "@/components/form-dialog";
import { Checkbox } from "@/components/ui/checkbox";

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
              <ChoiceField name="scope" label="Holds for" options={SCOPES} value={scope} onChoose={setScope} errors={errors} />
              <ChoiceField name="window" label="In" options={WINDOWS} defaultValue="day" errors={errors} />
              {scope === "instance" ? null : (
                <TextField name="ref" label={`Only this ${scope}`} hint="Its id. Empty: each one apart." errors={errors} className="sm:col-span-2" />
              )}
            </div>
          )}
          <div className="grid grid-cols-2 gap-4">
            {LIMITS.map(([name, label, step]) => (
              <NumberField key={name} name={name} label={label} step={step} defaultValue={budget?.[name] ?? ""} errors={errors} />
            ))}
          </div>
          <ChoiceField name="action" label="At the stop" options={ACTIONS} value={action} onChoose={setAction} errors={errors} />
          {action === "downgrade" ? (
            <ModelField name="downgrade_model" label="Cheaper model" defaultValue={budget?.downgrade_model ?? ""} required errors={errors} />
          ) : null}
          <Checkbox label="In force" checked={enabled} onCheckedChange={(checked) => setEnabled(checked === true)} />
        </>
      )}
    </FormDialog>
  );
}
