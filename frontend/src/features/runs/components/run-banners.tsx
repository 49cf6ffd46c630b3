import { CircleAlert, Clock, GitBranch, Hand, RotateCcw } from "lucide-react";
import { useState, type ReactNode } from "react";

import { refusal, useMe } from "@/api/me";
import { toneClass, type Tone } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Time } from "@/components/ui/facts";
import { Field, Textarea } from "@/components/ui/input";
import { ProblemPanel } from "@/components/ui/problem-panel";
import { cn } from "@/lib/cn";
import { money } from "@/lib/format";
import { said } from "@/lib/toast";

import { useDecide, useFinalizeRun, useSteerStep } from "../mutations";
import type { RunDetail } from "../queries";
import { activeStep, controls, failure, hasEnded, openApproval, standing } from "../states";
import { plainText } from "@/components/transcript/ansi";
import type { RunAction } from "./run-actions";

interface BannerProps {
  tone: Tone;
  icon: ReactNode;
  title: ReactNode;
  label: string;
  children?: ReactNode;
}

function Banner({ tone, icon, title, label, children }: BannerProps) {
  return (
    <section aria-label={label} className={cn(toneClass[tone], "flex gap-3 rounded-card border border-tone bg-tone-tint p-3 text-sm [&>svg]:mt-0.5 [&>svg]:size-4 [&>svg]:shrink-0 [&>svg]:text-tone")}>
      {icon}
      <div className="min-w-0 flex-1">
        <h2 className="font-semibold">{title}</h2>
        {children}
      </div>
    </section>
  );
}

/** What a person must know before anything else. */
export function RunBanners({ run, onAction }: { run: RunDetail; onAction: (action: RunAction) => void }) {
  const state = standing(run);
  const failed = failure(run);
  return (
    <div className="grid gap-2 empty:hidden">
      <ApprovalCard run={run} />
      {failed ? (
        <Banner tone="bad" label="Failure" icon={<CircleAlert aria-hidden />} title={<>{failed.step ? `${failed.step} failed` : "The run failed"}{failed.code ? <code className="ml-2 font-mono text-code font-normal">{failed.code}</code> : null}</>}>
          <p className="mt-1 max-h-40 overflow-auto break-words whitespace-pre-wrap">{plainText(failed.message.slice(0, 4000))}</p>
          {failed.remedy ? <p className="mt-1 text-muted"><strong className="font-medium">What helps:</strong> {failed.remedy}</p> : null}
          {failed.step ? <Button size="sm" className="mt-2" onClick={() => onAction({ kind: "restart-step", step: failed.step })}><RotateCcw aria-hidden />Restart {failed.step}</Button> : null}
        </Banner>
      ) : null}
      {state ? <Banner tone={state.tone} label={state.title} icon={<Clock aria-hidden />} title={state.title}>{state.text ? <p className="mt-0.5">{state.text}</p> : null}</Banner> : null}
      <PushBanner run={run} />
      {run.status === "cancelled" && run.cancel_reason ? <p className="text-sm text-muted">Stopped: {run.cancel_reason}</p> : null}
    </div>
  );
}

/** Answered in place; what somebody else has answered meanwhile comes back as a refusal in words. */
export function ApprovalCard({ run }: { run: RunDetail }) {
  const approval = openApproval(run);
  const decide = useDecide(run.id);
  const closed = refusal(useMe(), "member");
  const [comment, setComment] = useState("");
  if (!approval) return null;
  const answer = (decision: "approve" | "reject"): void =>
    decide.mutate({ approval: approval.id, decision, comment }, {
      onSuccess: () => said(decision === "approve" ? `${approval.step_id} is approved` : `${approval.step_id} is rejected`),
    });
  return (
    <Banner tone="human" label="Approval" icon={<Hand aria-hidden />} title={`${approval.step_id} waits for your approval`}>
      {approval.text ? <p className="mt-1 break-words whitespace-pre-wrap">{plainText(approval.text)}</p> : null}
      <p className="mt-1 text-muted">
        Asked <Time at={approval.created_at} />, expires <Time at={approval.expires_at} />. So far the run has cost {money(run.cost.total)}.
      </p>
      <Field label="Comment (optional)" className="mt-2 max-w-2xl" hint="The next step is told what you write.">
        {(control) => <Textarea {...control} className="min-h-9" rows={1} value={comment} onChange={(event) => setComment(event.target.value)} />}
      </Field>
      {decide.error ? <ProblemPanel problem={decide.error} className="mt-2" /> : null}
      <div className="mt-2 flex flex-wrap gap-2">
        <Button look="primary" refusal={closed} busy={decide.isPending} onClick={() => answer("approve")}>Approve</Button>
        <Button look="bad" refusal={closed} busy={decide.isPending} onClick={() => answer("reject")}>Reject</Button>
        <span className="self-center text-xs text-muted">Approve: the step starts at once. Reject: the run ends as failed.</span>
      </div>
    </Banner>
  );
}

function PushBanner({ run }: { run: RunDetail }) {
  const finalize = useFinalizeRun(run.id);
  if (!hasEnded(run) || !run.workspace_error) return null;
  return (
    <Banner tone="warn" label="Push" icon={<GitBranch aria-hidden />} title="The branch could not be pushed">
      <p className="mt-0.5 break-words">{plainText(run.workspace_error)}</p>
      {finalize.error ? <ProblemPanel problem={finalize.error} className="mt-2" /> : null}
      <Button size="sm" className="mt-2" busy={finalize.isPending} onClick={() => finalize.mutate(undefined, { onSuccess: () => said("The push is being tried again") })}>Push again</Button>
    </Banner>
  );
}

/** A word to the agent that works now. It is told between two of its turns. */
export function SteerBox({ run }: { run: RunDetail }) {
  const step = activeStep(run);
  const steer = useSteerStep(run.id);
  const closed = refusal(useMe(), "member");
  const [text, setText] = useState("");
  if (!controls(run).steer || !step) return null;
  const send = (): void => {
    if (!text.trim() || steer.isPending || closed) return;
    steer.mutate({ step: step.step_id, context: text.trim() }, {
      onSuccess: () => {
        setText("");
        said(`${step.agent_id} gets it at the next turn`);
      },
    });
  };
  return (
    <form
      className="border-t bg-surface p-2"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      {steer.error ? <ProblemPanel problem={steer.error} className="mb-2" /> : null}
      <div className="flex items-end gap-2">
        <Textarea
          id="steer"
          aria-label={`Tell ${step.agent_id} something`}
          placeholder={`Tell ${step.agent_id}, who works on ${step.step_id}, something…`}
          className="max-h-32 min-h-8 flex-1 resize-y"
          rows={1}
          value={text}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={(event) => {
            if (event.key !== "Enter" || event.shiftKey) return;
            event.preventDefault();
            send();
          }}
        />
        <Button type="submit" busy={steer.isPending} refusal={closed ?? (text.trim() ? null : "Write something first.")}>Send</Button>
      </div>
    </form>
  );
}
