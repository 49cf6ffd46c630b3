import { useQuery } from "@tanstack/react-query";
import { Plus } from "lucide-react";
import { useState, type FormEvent } from "react";

import type { Schemas } from "@/api/client";
import { refusal, useMe } from "@/api/me";
import { problemOf } from "@/api/problem";
import { ListTable, type Column } from "@/components/data-table";
import { ChoiceField, LongField, ModelField, TextField } from "@/components/fields";
import { FormDialog, textOf } from "@/components/form-dialog";
import { Loaded } from "@/components/loaded";
import { RowAction } from "@/components/row-action";
import { Button } from "@/components/ui/button";
import { Confirm } from "@/components/ui/confirm";
import { EmptyState } from "@/components/ui/empty-state";
import { Card, PageHeader, Section } from "@/components/ui/page-header";
import { ProblemPanel } from "@/components/ui/problem-panel";
import { said } from "@/lib/toast";

import { useChangeLlmSettings, useDeleteAlias, usePutAlias } from "../mutations";
import { aliasesQuery, llmSettingsQuery } from "../queries";

type Settings = Schemas["LlmSettings"];
type Alias = Schemas["Alias"];

const MODELS = {
  default_working_model: ["Working model", "What agents use that name none."],
  planning_model: ["Planning model", "Empty: the working model."],
  executor_model: ["Executors' model", "Empty: the working model."],
  thinking_model: ["Model for hard thinking", "Empty: the working model."],
} as const;
const LEVELS = {
  planning_thinking_level: ["Thinking while planning", "off"],
  executor_thinking_level: ["Thinking of executors", "medium"],
  thinking_thinking_level: ["Thinking of the thinking model", "off"],
} as const;
const STEPS = { off: "off", minimal: "minimal", low: "low", medium: "medium", high: "high", xhigh: "xhigh" };

export function ModelsSection() {
  const settings = useQuery(llmSettingsQuery());
  return (
    <>
      <PageHeader title="Models and fallbacks" />
      <Section title="Defaults of the instance">
        <Loaded query={settings}>{(found) => <Defaults settings={found} />}</Loaded>
      </Section>
      <Aliases />
    </>
  );
}

function Defaults({ settings }: { settings: Settings }) {
  const me = useMe();
  const change = useChangeLlmSettings();
  const problem = change.error ? problemOf(change.error) : null;
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const values = new FormData(event.currentTarget);
    const names = [...Object.keys(MODELS), ...Object.keys(LEVELS)];
    change.mutate(Object.fromEntries(names.map((name) => [name, textOf(values, name)])), {
      onSuccess: () => said("Defaults saved"),
    });
  };
  return (
    <Card>
      <form onSubmit={submit} className="grid gap-4">
        <div className="grid gap-4 sm:grid-cols-2">
          {(Object.keys(MODELS) as (keyof typeof MODELS)[]).map((name) => (
            <ModelField
              key={name}
              name={name}
              label={MODELS[name][0]}
              hint={`${MODELS[name][1]} Takes effect with the next session.`}
              defaultValue={settings[name] ?? ""}
              errors={problem?.fields}
            />
          ))}
          {(Object.keys(LEVELS) as (keyof typeof LEVELS)[]).map((name) => (
            <ChoiceField
              key={name}
              name={name}
              label={LEVELS[name][0]}
              hint={`Default: ${LEVELS[name][1]}. Takes effect with the next session.`}
              options={STEPS}
              defaultValue={settings[name] ?? LEVELS[name][1]}
              errors={problem?.fields}
            />
          ))}
        </div>
        {problem && Object.keys(problem.fields).length === 0 ? <ProblemPanel problem={problem} /> : null}
        <Button type="submit" look="primary" refusal={refusal(me, "admin")} busy={change.isPending} className="justify-self-start">
          Save defaults
        </Button>
      </form>
    </Card>
  );
}

function Aliases() {
  const me = useMe();
  const aliases = useQuery(aliasesQuery());
  const remove = useDeleteAlias();
  const [edited, setEdited] = useState<Alias | "new" | null>(null);
  const [leaving, setLeaving] = useState<Alias | null>(null);
  const refused = refusal(me, "admin");
  return (
    <Section
      title="Aliases"
      actions={
        <Button refusal={refused} onClick={() => setEdited("new")}>
          <Plus aria-hidden />
          New alias
        </Button>
      }
    >
      <ListTable
        query={aliases}
        label="Aliases"
        columns={ALIASES}
        id={(alias) => alias.name}
        empty={
          <EmptyState title="There is no alias." className="py-8">
            An alias is a name for several models: when the first fails, the next one answers.
          </EmptyState>
        }
        actions={(alias) => (
          <>
            <RowAction label={`Change ${alias.name}`} refusal={refused} onClick={() => setEdited(alias)}>
              Change
            </RowAction>
            <RowAction label={`Delete ${alias.name}`} refusal={refused} onClick={() => setLeaving(alias)}>
              Delete
            </RowAction>
          </>
        )}
      />
      {edited ? <AliasForm alias={edited === "new" ? null : edited} onClose={() => setEdited(null)} /> : null}
      <Confirm
        open={leaving !== null}
        onOpenChange={() => setLeaving(null)}
        title={`Delete alias ${leaving?.name ?? ""}?`}
        action="Delete alias"
        onConfirm={() => remove.mutateAsync(leaving?.name ?? "")}
      >
        Agents and pipelines that name it fail until they name a model.
      </Confirm>
    </Section>
  );
}

const ALIASES: Column<Alias>[] = [
  { head: "Name", className: "font-medium", cell: (alias) => alias.name },
  { head: "Models, in order", className: "font-mono text-code", cell: (alias) => alias.chain.join(" → ") },
  { head: "Falls over when", cell: (alias) => (alias.error_classes ?? []).join(", ").replaceAll("_", " ") || "anything fails" },
];

function AliasForm({ alias, onClose }: { alias: Alias | null; onClose: () => void }) {
  const put = usePutAlias();
  const submit = (values: FormData) =>
    put.mutateAsync({
      name: alias?.name ?? textOf(values, "name"),
      body: { chain: textOf(values, "chain").split(/\s+/).filter(Boolean) },
    });
  return (
    <FormDialog open onOpenChange={onClose} title={alias ? `Change ${alias.name}` : "New alias"} action="Save alias" onSubmit={submit}>
      {(errors) => (
        <>
          {alias ? null : <TextField name="name" label="Name" required errors={errors} />}
          <LongField
            name="chain"
            label="Models"
            hint="One a line, the first is asked first."
            required
            rows={4}
            inputClass="font-mono text-code"
            defaultValue={alias?.chain.join("\n") ?? ""}
            errors={errors}
          />
        </>
      )}
    </FormDialog>
  );
}
