import { useQuery } from "@tanstack/react-query";
import { Plus } from "lucide-react";
import { useState, type FormEvent } from "react";

import type { Schemas } from "@/api/client";
import { modelsQuery } from "@/api/llm";
import { refusal, useMe } from "@/api/me";
import { problemOf } from "@/api/problem";
import { FormDialog, textOf } from "@/components/form-dialog";
import { Loaded } from "@/components/loaded";
import { Button } from "@/components/ui/button";
import { Confirm } from "@/components/ui/confirm";
import { EmptyState } from "@/components/ui/empty-state";
import { Field, Input, Select, Textarea } from "@/components/ui/input";
import { Card, PageHeader, Section } from "@/components/ui/page-header";
import { ProblemPanel } from "@/components/ui/problem-panel";
import { Row, Table, TableBody, TableHead, Td, Th } from "@/components/ui/table";
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
  planning_thinking_level: "Thinking while planning",
  executor_thinking_level: "Thinking of executors",
  thinking_thinking_level: "Thinking of the thinking model",
} as const;
const STEPS = ["off", "minimal", "low", "medium", "high", "xhigh"];

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
  const models = useQuery(modelsQuery());
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
        <datalist id="models">
          {(models.data ?? []).map((model) => (
            <option key={model.name} value={model.name} />
          ))}
        </datalist>
        <div className="grid gap-4 sm:grid-cols-2">
          {(Object.keys(MODELS) as (keyof typeof MODELS)[]).map((name) => (
            <Field key={name} label={MODELS[name][0]} hint={MODELS[name][1]} error={problem?.fields[name]}>
              {(control) => <Input {...control} name={name} list="models" defaultValue={settings[name] ?? ""} placeholder="provider/model" autoComplete="off" />}
            </Field>
          ))}
          {(Object.keys(LEVELS) as (keyof typeof LEVELS)[]).map((name) => (
            <Field key={name} label={LEVELS[name]} error={problem?.fields[name]}>
              {(control) => (
                <Select {...control} name={name} defaultValue={settings[name] ?? "off"}>
                  {STEPS.map((step) => (
                    <option key={step}>{step}</option>
                  ))}
                </Select>
              )}
            </Field>
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
      <Loaded query={aliases}>
        {(rows) =>
          rows.length === 0 ? (
            <EmptyState title="There is no alias." className="py-8">
              An alias is a name for several models: when the first fails, the next one answers.
            </EmptyState>
          ) : (
            <Table>
              <TableHead>
                <tr>
                  <Th>Name</Th>
                  <Th>Models, in order</Th>
                  <Th>Falls over when</Th>
                  <Th>
                    <span className="sr-only">Actions</span>
                  </Th>
                </tr>
              </TableHead>
              <TableBody>
                {rows.map((alias) => (
                  <Row key={alias.name}>
                    <Td className="font-medium">{alias.name}</Td>
                    <Td className="font-mono text-code">{alias.chain.join(" → ")}</Td>
                    <Td>{(alias.error_classes ?? []).join(", ").replaceAll("_", " ") || "anything fails"}</Td>
                    <Td className="text-right whitespace-nowrap">
                      <Button size="sm" look="quiet" refusal={refused} aria-label={`Change ${alias.name}`} onClick={() => setEdited(alias)}>
                        Change
                      </Button>
                      <Button size="sm" look="quiet" refusal={refused} aria-label={`Delete ${alias.name}`} onClick={() => setLeaving(alias)}>
                        Delete
                      </Button>
                    </Td>
                  </Row>
                ))}
              </TableBody>
            </Table>
          )
        }
      </Loaded>
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
          {alias ? null : (
            <Field label="Name" error={errors["name"]}>
              {(control) => <Input {...control} name="name" required autoComplete="off" />}
            </Field>
          )}
          <Field label="Models" hint="One a line, the first is asked first." error={errors["chain"]}>
            {(control) => (
              <Textarea {...control} name="chain" required rows={4} className="font-mono text-code" defaultValue={alias?.chain.join("\n") ?? ""} />
            )}
          </Field>
        </>
      )}
    </FormDialog>
  );
}
