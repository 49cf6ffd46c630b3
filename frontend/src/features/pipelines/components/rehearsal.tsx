import { FlaskConical, Hand } from "lucide-react";
import { useState } from "react";

import { Fold } from "@/components/transcript/fold";
import { LogText } from "@/components/transcript/log-text";
import { toneClass } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { AgentChip } from "@/components/ui/facts";
import { Field, Input, Select } from "@/components/ui/input";
import { ProblemPanel } from "@/components/ui/problem-panel";
import { cn } from "@/lib/cn";

import { type Rehearsal, useRehearsal } from "../queries";

interface DryRunProps {
  text: string;
  /** Why it cannot be walked now; null: it can. */
  refusal: string | null;
}

/** The unsaved text walked with made-up answers: the way, what agents would be told, what would come out. */
export function DryRun({ text, refusal }: DryRunProps) {
  const walk = useRehearsal();
  const [task, setTask] = useState("");
  // The last one stays while the next is on its way.
  const [walked, setWalked] = useState<{ text: string; way: Rehearsal } | null>(null);
  const [chosen, setChosen] = useState<Record<string, string[]>>({});
  const start = (results: Record<string, string[]>): void => {
    setChosen(results);
    walk.mutate({ yaml_content: text, results, ...(task.trim() ? { task } : {}) }, { onSuccess: (way) => setWalked({ text, way }) });
  };
  return (
    <section aria-label="Dry run" className="grid grid-cols-1 gap-3 rounded-card border bg-surface p-4">
      <div className="flex flex-wrap items-end gap-3">
        <Field label="Task to try it with (optional)" className="min-w-48 flex-1">
          {(control) => <Input {...control} value={task} onChange={(event) => setTask(event.target.value)} />}
        </Field>
        <Button look="primary" busy={walk.isPending} refusal={refusal} onClick={() => start({})}><FlaskConical aria-hidden />Dry run</Button>
      </div>
      <p className="text-sm text-muted">Made-up answers take the same ways as a run would. No agent works, nothing is kept or paid for.</p>
      {walk.error ? <ProblemPanel problem={walk.error} /> : null}
      {walked ? (
        <>
          {walked.text !== text ? <p role="status" className="tone-warn text-sm text-tone">The text has changed since.</p> : null}
          <Way walked={walked.way} chosen={chosen} onChoose={start} />
        </>
      ) : null}
    </section>
  );
}

const ENDS: Record<Rehearsal["status"], { tone: "ok" | "bad" | "warn"; words: string }> = {
  completed: { tone: "ok", words: "It comes to its end." },
  failed: { tone: "bad", words: "It fails." },
  stopped: { tone: "warn", words: "It does not end." },
};

interface WayProps {
  walked: Rehearsal;
  chosen: Record<string, string[]>;
  onChoose: (results: Record<string, string[]>) => void;
}

function Way({ walked, chosen, onChoose }: WayProps) {
  const end = ENDS[walked.status];
  const outputs = Object.entries(walked.outputs);
  return (
    <>
      <p role="status" className={cn(toneClass[end.tone], "rounded-card border border-tone bg-tone-tint px-3 py-2 text-sm")}>
        <strong className="font-medium">{end.words}</strong> {walked.code ? <code className="font-mono text-code">{walked.code}</code> : null} {walked.message}
      </p>
      <Choices walked={walked} chosen={chosen} onChoose={onChoose} />
      <ol aria-label="The way" className="grid grid-cols-1 gap-1">
        {walked.steps.map((step, at) => (
          <li key={at}>
            <Fold id={`dry/${at}`} className="rounded-card border" summary={
              <>
                <span className="w-6 shrink-0 text-right text-xs text-muted">{at + 1}</span>
                <span className="shrink-0 font-medium">{step.step_id}{step.visit > 1 ? <span className="font-normal text-muted"> ×{step.visit}</span> : null}{step.attempt > 1 ? <span className="font-normal text-muted"> try {step.attempt}</span> : null}</span>
                <AgentChip id={step.agent_id} className="text-muted" />
                {step.approval ? <Hand aria-label="a person would be asked" className="size-4 shrink-0 text-human" /> : null}
                <span className="min-w-0 flex-1 truncate text-muted">{step.item}</span>
                {step.missing.length > 0 ? <span className="tone-warn shrink-0 text-xs text-tone">{step.missing.length} without a value</span> : null}
                {step.result ? <code className="shrink-0 rounded-[4px] bg-sunken px-1.5 font-mono text-xs">{step.result}</code> : null}
              </>
            }>
              {() => (
                <div className="grid grid-cols-1 gap-2 text-sm">
                  {step.missing.length > 0 ? <p className="tone-warn text-tone">Without a value: {step.missing.join(", ")}</p> : null}
                  <LogText text={step.input} label={`What ${step.step_id} would be told`} />
                  <Outputs entries={Object.entries(step.outputs)} />
                </div>
              )}
            </Fold>
          </li>
        ))}
      </ol>
      {outputs.length > 0 ? <div className="grid gap-1"><h4 className="text-sm font-medium">Outputs at the end</h4><Outputs entries={outputs} /></div> : null}
    </>
  );
}

function Outputs({ entries }: { entries: [string, string][] }) {
  return (
    <dl className="grid gap-1 text-sm">
      {entries.map(([name, value]) => <div key={name} className="flex gap-3"><dt className="shrink-0 font-mono text-code text-muted">{name}</dt><dd className="min-w-0 break-words">{value}</dd></div>)}
    </dl>
  );
}

/** What steps that route by a result shall say. */
function Choices({ walked, chosen, onChoose }: WayProps) {
  const results = new Map<string, Set<string>>();
  for (const step of walked.steps) if (step.result) results.set(step.step_id, (results.get(step.step_id) ?? new Set(chosen[step.step_id])).add(step.result));
  const [known, setKnown] = useState(results);
  // What was once seen of a step may be chosen again, though this way does not come by it.
  const missing = [...results].some(([step, values]) => [...values].some((value) => !known.get(step)?.has(value)));
  if (missing) setKnown(new Map([...new Set([...known.keys(), ...results.keys()])].map((step) => [step, new Set([...(known.get(step) ?? []), ...(results.get(step) ?? [])])])));
  if (known.size === 0) return null;
  return (
    <div role="group" aria-label="What steps answer" className="flex flex-wrap gap-3">
      {[...known].map(([step, values]) => (
        <label key={step} className="flex items-center gap-2 text-sm">
          <span className="font-medium">{step}</span>
          <Select aria-label={`${step} answers`} className="h-7 w-auto text-xs" value={chosen[step]?.[0] ?? ""} onChange={(event) => {
            const { [step]: _, ...others } = chosen;
            onChoose(event.target.value ? { ...others, [step]: [event.target.value] } : others);
          }}>
            <option value="">each in turn</option>
            {[...values].map((value) => <option key={value} value={value}>always {value}</option>)}
          </Select>
        </label>
      ))}
    </div>
  );
}
