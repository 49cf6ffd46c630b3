import { MessageSquare, X } from "lucide-react";
import { useState } from "react";

import { refusal, useMe } from "@/api/me";
import { visible } from "@/components/transcript/ansi";
import { Button, IconButton } from "@/components/ui/button";
import { Dialog, DialogContent } from "@/components/ui/dialog";
import { Field, Textarea } from "@/components/ui/input";
import { ProblemPanel } from "@/components/ui/problem-panel";
import { said } from "@/lib/toast";

import { type Comment, reviewText } from "../diff/review";
import { useDecide, useSteerStep } from "../mutations";
import type { RunDetail } from "../queries";
import { activeStep, controls, currentExecutions, openApproval } from "../states";
import type { RunAction } from "./run-actions";

interface CommentDialogProps {
  place: Omit<Comment, "text">;
  onAdd: (comment: Comment) => void;
  onClose: () => void;
}

export function CommentDialog({ place, onAdd, onClose }: CommentDialogProps) {
  const [text, setText] = useState("");
  const add = (): void => {
    if (!text.trim()) return;
    onAdd({ ...place, text: text.trim() });
    onClose();
  };
  return (
    <Dialog open onOpenChange={(open) => !open && onClose()}>
      <DialogContent title={`Comment on line ${place.line}`} description={visible(place.path)} footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button look="primary" refusal={text.trim() ? null : "Write something first."} onClick={add}>Add comment</Button>
        </>
      }>
        <pre className="mb-3 overflow-x-auto rounded-control bg-sunken p-2 font-mono text-code">{visible(place.quote.slice(0, 400)) || " "}</pre>
        <Field label="Comment" hint="It is kept as a draft until you send all comments at once.">
          {/* eslint-disable-next-line jsx-a11y/no-autofocus -- the dialog is for this field */}
          {(control) => <Textarea {...control} autoFocus value={text} onChange={(event) => setText(event.target.value)} onKeyDown={(event) => {
            if (event.key === "Enter" && (event.metaKey || event.ctrlKey)) add();
          }} />}
        </Field>
      </DialogContent>
    </Dialog>
  );
}

interface ReviewBarProps {
  run: RunDetail;
  comments: Comment[];
  /** The step that made what is shown; empty: several did. */
  author: string;
  onChange: (comments: Comment[]) => void;
  onAction: (action: RunAction) => void;
}

/** The comments that wait to be sent, and what they may become: a hint, a decision, the input of the next attempt. */
export function ReviewBar({ run, comments, author, onChange, onAction }: ReviewBarProps) {
  const closed = refusal(useMe(), "member");
  const steer = useSteerStep(run.id);
  const decide = useDecide(run.id);
  const approval = openApproval(run);
  const step = controls(run).steer ? activeStep(run) : undefined;
  if (comments.length === 0) return null;
  const text = reviewText(comments);
  const sent = (words: string) => () => {
    onChange([]);
    said(words);
  };
  const again = author || currentExecutions(run).findLast((row) => row.commit_hash)?.step_id || "";
  const problem = steer.error ?? decide.error;
  return (
    <section aria-label="Your review" className="tone-accent sticky bottom-0 grid gap-2 rounded-card border border-tone bg-surface p-3 text-sm shadow-float">
      <h3 className="flex items-center gap-2 font-semibold"><MessageSquare aria-hidden className="size-4" />{comments.length === 1 ? "1 comment" : `${comments.length} comments`}, not sent yet</h3>
      <ul className="grid max-h-40 gap-1 overflow-y-auto">
        {comments.map((each, at) => (
          <li key={at} className="flex items-start gap-2">
            <span className="min-w-0 flex-1"><span className="block truncate font-mono text-code text-muted" title={each.path}>{visible(each.path)}:{each.line}</span><span className="break-words whitespace-pre-wrap">{each.text}</span></span>
            <IconButton label={`Remove the comment on line ${each.line}`} className="size-6" onClick={() => onChange(comments.filter((other) => other !== each))}><X aria-hidden className="size-3.5!" /></IconButton>
          </li>
        ))}
      </ul>
      {problem ? <ProblemPanel problem={problem} /> : null}
      <div className="flex flex-wrap gap-2">
        {approval ? (
          <>
            <Button size="sm" look="primary" refusal={closed} busy={decide.isPending} onClick={() => decide.mutate({ approval: approval.id, decision: "approve", comment: text }, { onSuccess: sent(`${approval.step_id} is approved, and told of it`) })}>Approve with these</Button>
            <Button size="sm" look="bad" refusal={closed} busy={decide.isPending} onClick={() => decide.mutate({ approval: approval.id, decision: "reject", comment: text }, { onSuccess: sent(`${approval.step_id} is rejected`) })}>Reject with these</Button>
          </>
        ) : null}
        {step ? <Button size="sm" look="primary" refusal={closed} busy={steer.isPending} onClick={() => steer.mutate({ step: step.step_id, context: text }, { onSuccess: sent(`${step.agent_id} gets it at the next turn`) })}>Tell {step.agent_id} now</Button> : null}
        <Button size="sm" look={approval || step ? "plain" : "primary"} refusal={closed} onClick={() => onAction({ kind: "restart-step", step: again, context: text, onDone: sent("The comments are the input of the next attempt") })}>Request changes</Button>
      </div>
    </section>
  );
}
