import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";

import { modelsQuery } from "@/api/llm";
import { problemOf } from "@/api/problem";
import { Button } from "@/components/ui/button";
import { Checkbox } from "@/components/ui/checkbox";
import { Confirm } from "@/components/ui/confirm";
import { Dialog, DialogContent } from "@/components/ui/dialog";
import { Field, Input, Select, Textarea } from "@/components/ui/input";
import { ProblemPanel } from "@/components/ui/problem-panel";
import { said } from "@/lib/toast";
import { useQuery } from "@tanstack/react-query";

import { useDeleteRun, useForkRun, useRestartRun, useRestartStep, useStopRun } from "../mutations";
import type { RunDetail } from "../queries";
import { activeStep } from "../states";
import type { RunAction } from "./run-actions";

interface DialogProps {
  run: RunDetail;
  onClose: () => void;
}

/** The dialog that an action of a run asks in. */
export function ActionDialog({ run, action, onClose }: DialogProps & { action: RunAction }) {
  switch (action.kind) {
    case "stop":
      return <StopDialog run={run} onClose={onClose} />;
    case "restart":
      return <RestartDialog run={run} onClose={onClose} />;
    case "delete":
      return <DeleteDialog run={run} onClose={onClose} />;
    case "restart-step":
      return <RestartStepDialog run={run} onClose={onClose} step={action.step} context={action.context ?? ""} onDone={action.onDone} />;
    case "fork":
      return <ForkDialog run={run} onClose={onClose} step={action.step} visit={action.visit} />;
    default:
      return null;
  }
}

function StopDialog({ run, onClose }: DialogProps) {
  const stop = useStopRun(run.id);
  const step = activeStep(run);
  const [reason, setReason] = useState("");
  return (
    <Confirm open onOpenChange={onClose} title="Stop this run?" action="Stop run" onConfirm={() => stop.mutateAsync({ reason })}>
      <p>{step ? `${step.agent_id} works on ${step.step_id}. That ends, and unfinished files are kept on the branch.` : "No agent works right now. Nothing is lost."}</p>
      <Field label="Why (optional)" className="mt-3 text-text">
        {(control) => <Input {...control} value={reason} maxLength={500} onChange={(event) => setReason(event.target.value)} />}
      </Field>
    </Confirm>
  );
}

function DeleteDialog({ run, onClose }: DialogProps) {
  const remove = useDeleteRun(run.id);
  const navigate = useNavigate();
  return (
    <Confirm open onOpenChange={onClose} title="Delete this run?" action="Delete run" onConfirm={async () => {
      await remove.mutateAsync();
      said("The run is deleted");
      await navigate({ to: "/runs" });
    }}>
      <p>Its {run.executions.length} step records, its files and its branch on this server go. That cannot be undone. What it cost stays in the books.</p>
    </Confirm>
  );
}

interface FormDialogProps {
  title: string;
  text: string;
  action: string;
  busy: boolean;
  error: unknown;
  refusal?: string | null;
  onSubmit: () => void;
  onClose: () => void;
  children: React.ReactNode;
}

function FormDialog({ title, text, action, busy, error, refusal, onSubmit, onClose, children }: FormDialogProps) {
  return (
    <Dialog open onOpenChange={(open) => !open && onClose()}>
      <DialogContent title={title} description={text} footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button look="primary" busy={busy} refusal={refusal ?? null} onClick={onSubmit}>{action}</Button>
        </>
      }>
        <form className="grid gap-3" onSubmit={(event) => {
          event.preventDefault();
          if (!refusal) onSubmit();
        }}>
          {children}
          {error ? <ProblemPanel problem={error} /> : null}
        </form>
      </DialogContent>
    </Dialog>
  );
}

function RestartDialog({ run, onClose }: DialogProps) {
  const restart = useRestartRun(run.id);
  const [context, setContext] = useState("");
  const [fresh, setFresh] = useState(false);
  const [keep, setKeep] = useState(false);
  return (
    <FormDialog
      title="Run the whole pipeline again?"
      text={`All steps run again under the same id. The ${run.executions.length} earlier attempts stay in the record.`}
      action="Run again"
      busy={restart.isPending}
      error={restart.error}
      onClose={onClose}
      onSubmit={() => restart.mutate({ context, fresh_workspace: fresh, keep_snapshot: keep }, { onSuccess: onClose })}
    >
      <Field label="Something to tell the agents (optional)">
        {(control) => <Textarea {...control} value={context} onChange={(event) => setContext(event.target.value)} />}
      </Field>
      <Checkbox label="Start from fresh files" hint="Otherwise it goes on with the files it left." checked={fresh} onCheckedChange={(value) => setFresh(value === true)} />
      <Checkbox label="Keep the pipeline as it was" hint="Otherwise it takes the pipeline as it is now." checked={keep} onCheckedChange={(value) => setKeep(value === true)} />
    </FormDialog>
  );
}

const stepsOf = (run: RunDetail): string[] => [...new Set(run.executions.map((row) => row.step_id))];

interface RestartStepProps extends DialogProps {
  step: string;
  /** What the agent is told, to begin with. */
  context: string;
  onDone: (() => void) | undefined;
}

function RestartStepDialog({ run, onClose, step: given, context: hint, onDone }: RestartStepProps) {
  const steps = stepsOf(run);
  const [step, setStep] = useState(given || steps.at(-1) || "");
  const [context, setContext] = useState(hint);
  const [reset, setReset] = useState(false);
  const restart = useRestartStep(run.id);
  const after = run.executions.filter((row) => !row.superseded && row.step_id !== step &&
    (row.id ?? 0) > (run.executions.findLast((each) => each.step_id === step)?.id ?? 0)).length;
  return (
    <FormDialog
      title={`Restart ${step || "a step"}?`}
      text={after > 0 ? `It runs again as a new visit. ${after} attempts that came after it are set aside, and their outputs with them.` : "It runs again as a new visit."}
      action="Restart step"
      busy={restart.isPending}
      error={restart.error}
      onClose={onClose}
      onSubmit={() => restart.mutate({ step, context, reset_workspace: reset }, {
        onSuccess: () => {
          onDone?.();
          onClose();
        },
      })}
    >
      {given && !hint ? null : <StepField steps={steps} value={step} onChange={setStep} />}
      <Field label="A hint for the agent (optional)" hint="It reads this before it starts.">
        {(control) => <Textarea {...control} value={context} onChange={(event) => setContext(event.target.value)} />}
      </Field>
      <Checkbox label="Put the files back to before this step" hint="The commits made since are kept, but leave the branch." checked={reset} onCheckedChange={(value) => setReset(value === true)} />
    </FormDialog>
  );
}

function StepField({ steps, value, onChange }: { steps: string[]; value: string; onChange: (step: string) => void }) {
  return (
    <Field label="Step">
      {(control) => (
        <Select {...control} value={value} onChange={(event) => onChange(event.target.value)}>
          {steps.map((step) => <option key={step} value={step}>{step}</option>)}
        </Select>
      )}
    </Field>
  );
}

function ForkDialog({ run, onClose, step: given, visit }: DialogProps & { step: string; visit: number | undefined }) {
  const steps = stepsOf(run);
  const [step, setStep] = useState(given || steps.at(-1) || "");
  const [model, setModel] = useState("");
  const [context, setContext] = useState("");
  const [task, setTask] = useState("");
  const fork = useForkRun(run.id);
  const navigate = useNavigate();
  const problem = fork.error ? problemOf(fork.error) : null;
  return (
    <FormDialog
      title="Fork this run"
      text={`A new run with the same past up to ${visit === undefined ? "the step" : `visit ${visit} of ${given}`}, and from there on its own. This one stays as it is.`}
      action="Start fork"
      busy={fork.isPending}
      error={problem}
      onClose={onClose}
      onSubmit={() => fork.mutate({ step_id: step, visit: step === given ? visit ?? null : null, context, model_override: model, task }, {
        onSuccess: (made) => {
          onClose();
          void navigate({ to: "/runs/$runId", params: { runId: (made as { id: string }).id } });
        },
      })}
    >
      <StepField steps={steps} value={step} onChange={setStep} />
      <ModelField value={model} onChange={setModel} error={problem?.fields.model_override} />
      <Field label="Another task (optional)" hint="Empty: the same task." error={problem?.fields.task}>
        {(control) => <Textarea {...control} value={task} onChange={(event) => setTask(event.target.value)} />}
      </Field>
      <Field label="Something to tell the agent (optional)">
        {(control) => <Textarea {...control} value={context} onChange={(event) => setContext(event.target.value)} />}
      </Field>
    </FormDialog>
  );
}

interface ModelFieldProps {
  value: string;
  onChange: (model: string) => void;
  error?: string | undefined;
}

/** A model by name, with those that may be used to choose from. */
export function ModelField({ value, onChange, error }: ModelFieldProps) {
  const models = useQuery(modelsQuery());
  return (
    <Field label="Model" hint="provider/model for all steps. Empty: as pipeline and agents say." error={error}>
      {(control) => (
        <>
          <Input {...control} list="model-choices" autoComplete="off" spellCheck={false} value={value} onChange={(event) => onChange(event.target.value)} />
          <datalist id="model-choices">
            {models.data?.map((model) => <option key={model.name} value={model.name}>{model.label}</option>)}
          </datalist>
        </>
      )}
    </Field>
  );
}
