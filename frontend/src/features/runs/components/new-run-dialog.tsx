import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { Plus, X } from "lucide-react";
import { useEffect, useState } from "react";

import { said } from "@/api/paging";
import { pipelinesQuery } from "@/api/pipelines";
import { problemOf } from "@/api/problem";
import { Button, IconButton } from "@/components/ui/button";
import { Dialog, DialogContent } from "@/components/ui/dialog";
import { Field, Input, Select, Textarea } from "@/components/ui/input";
import { ProblemPanel } from "@/components/ui/problem-panel";
import { duration, money } from "@/lib/format";

import { useCreateRun } from "../mutations";
import { forecastQuery } from "../queries";
import { ModelField } from "./run-dialogs";

interface Draft {
  pipeline_id: string;
  task: string;
  repository: string;
  branch: string;
  model_override: string;
  context: string;
}

const NO_VARIABLES: [name: string, value: string][] = [];
const FIELDS = new Set(["pipeline_id", "task", "repository", "branch", "model_override", "context", "variables"]);

export function NewRunDialog({ pipeline, onClose }: { pipeline: string; onClose: () => void }) {
  const pipelines = useQuery(pipelinesQuery());
  const usable = pipelines.data?.filter((each) => each.valid) ?? [];
  const create = useCreateRun();
  const navigate = useNavigate();
  const [draft, setDraft] = useState<Draft>({ pipeline_id: pipeline, task: "", repository: "", branch: "", model_override: "", context: "" });
  const [variables, setVariables] = useState(NO_VARIABLES);
  const chosen = draft.pipeline_id || usable[0]?.id || "";
  const problem = create.error ? problemOf(create.error) : null;
  const errors = problem?.fields ?? {};
  const elsewhere = problem && !Object.keys(errors).some((name) => FIELDS.has(name));
  const set = (change: Partial<Draft>): void => setDraft((before) => ({ ...before, ...change }));
  const invalid = pipelines.data?.filter((each) => !each.valid).length ?? 0;

  const start = (): void => {
    const given = Object.fromEntries(variables.filter(([name]) => name.trim()).map(([name, value]) => [name.trim(), value]));
    const { task, ...rest } = draft;
    const more = Object.keys(given).length > 0 ? { variables: given } : {};
    create.mutate({ ...said(rest), ...more, task, pipeline_id: chosen }, {
      onSuccess: (run) => void navigate({ to: "/runs/$runId", params: { runId: (run as { id: string }).id } }),
    });
  };
  return (
    <Dialog open onOpenChange={(open) => !open && onClose()}>
      <DialogContent
        title="New run"
        description="A task goes through a pipeline of agents. Your checked-out branch is never touched."
        footer={
          <>
            <Forecast pipeline={chosen} model={draft.model_override} />
            <Button onClick={onClose}>Cancel</Button>
            <Button look="primary" busy={create.isPending} refusal={draft.task.trim() ? null : "Write what is to be done first."} onClick={start}>Start run</Button>
          </>
        }
      >
        <form className="grid gap-3" onSubmit={(event) => {
          event.preventDefault();
          if (draft.task.trim()) start();
        }}>
          {pipelines.error ? <ProblemPanel problem={pipelines.error} onRetry={() => void pipelines.refetch()} /> : null}
          <Field label="Pipeline" error={errors.pipeline_id} hint={invalid > 0 ? `${invalid} with errors are left out; the list of pipelines says why.` : usable.find((each) => each.id === chosen)?.description}>
            {(control) => (
              <Select {...control} value={chosen} onChange={(event) => set({ pipeline_id: event.target.value })}>
                {usable.map((each) => <option key={each.id} value={each.id}>{each.name || each.id}</option>)}
              </Select>
            )}
          </Field>
          <Field label="Task" error={errors.task} hint="What should be there at the end, as you would tell a colleague.">
            {/* eslint-disable-next-line jsx-a11y/no-autofocus -- the dialog is for this field */}
            {(control) => <Textarea {...control} autoFocus className="min-h-28" required value={draft.task} onChange={(event) => set({ task: event.target.value })} />}
          </Field>
          <Field label="Repository" error={errors.repository} hint="A directory of the server or a URL. Empty: the run starts a new one.">
            {(control) => <Input {...control} spellCheck={false} value={draft.repository} onChange={(event) => set({ repository: event.target.value })} />}
          </Field>
          <details className="grid gap-3" open={["branch", "model_override", "context", "variables"].some((name) => errors[name]) || undefined}>
            <summary className="py-1 text-sm font-medium">More: model, branch, context, variables</summary>
            <div className="mt-2 grid gap-3">
              <ModelField value={draft.model_override} onChange={(model) => set({ model_override: model })} error={errors.model_override} />
              <Field label="Branch" error={errors.branch} hint="Empty: a branch of its own, run/<id>.">
                {(control) => <Input {...control} spellCheck={false} value={draft.branch} onChange={(event) => set({ branch: event.target.value })} />}
              </Field>
              <Field label="Context" error={errors.context} hint="Text that every step is told, or a JSON object of variables.">
                {(control) => <Textarea {...control} value={draft.context} onChange={(event) => set({ context: event.target.value })} />}
              </Field>
              <Variables values={variables} onChange={setVariables} error={errors.variables} />
            </div>
          </details>
          {elsewhere ? <ProblemPanel problem={problem} /> : null}
          <button type="submit" hidden />
        </form>
      </DialogContent>
    </Dialog>
  );
}

interface VariablesProps {
  values: [string, string][];
  onChange: (values: [string, string][]) => void;
  error: string | undefined;
}

function Variables({ values, onChange, error }: VariablesProps) {
  const change = (at: number, pair: [string, string]): void => onChange(values.map((each, place) => (place === at ? pair : each)));
  return (
    <fieldset className="grid gap-2">
      <legend className="mb-1 text-sm font-medium">Variables</legend>
      {values.map(([name, value], at) => (
        <div key={at} className="flex gap-2">
          <Input aria-label={`Name of variable ${at + 1}`} placeholder="name" spellCheck={false} className="w-40 font-mono" value={name} onChange={(event) => change(at, [event.target.value, value])} />
          <Input aria-label={`Value of variable ${at + 1}`} placeholder="value" value={value} onChange={(event) => change(at, [name, event.target.value])} />
          <IconButton label="Remove this variable" onClick={() => onChange(values.filter((_, place) => place !== at))}><X aria-hidden /></IconButton>
        </div>
      ))}
      <div><Button size="sm" onClick={() => onChange([...values, ["", ""]])}><Plus aria-hidden />Add a variable</Button></div>
      <p className="text-xs text-muted">Templates of the pipeline name them: {"{{name}}"}.</p>
      {error ? <p className="text-xs text-bad">{error}</p> : null}
    </fieldset>
  );
}

const SETTLE_MS = 400;

/** What earlier runs cost and took, as a range. */
function Forecast({ pipeline, model }: { pipeline: string; model: string }) {
  const [settled, setSettled] = useState(model);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(model), SETTLE_MS);
    return () => clearTimeout(timer);
  }, [model]);
  const forecast = useQuery(forecastQuery(pipeline, settled.includes("/") ? settled : ""));
  if (!forecast.data) return null;
  const { basis, cost_usd: cost, duration_s: time, runs, note } = forecast.data;
  return (
    <p className="mr-auto self-center text-xs text-muted" title={note}>
      {basis === "none" || !cost ? "No earlier run to foretell the cost from."
        : <>Likely {money(cost.p10)}–{money(cost.p90)}{time ? <>, {duration(time.p10)}–{duration(time.p90)}</> : null}<span className="block">from {runs} earlier {runs === 1 ? "run" : "runs"}{basis === "same_model" ? " with this model" : ""}</span></>}
    </p>
  );
}
