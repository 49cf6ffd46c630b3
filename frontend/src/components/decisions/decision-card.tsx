import { Link } from "@tanstack/react-router";
import { AlarmClock, Check, X } from "lucide-react";
import { useState } from "react";

import { useDecide, type Decision } from "@/api/decisions";
import { refusal, useMe } from "@/api/me";
import { AgentChip, Time } from "@/components/ui/facts";
import { Badge, type Tone } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Field, Textarea } from "@/components/ui/input";
import { ProblemPanel } from "@/components/ui/problem-panel";
import type { Answered } from "@/hooks/use-decisions";
import { useSnoozed } from "@/hooks/use-snoozed";
import { failed, said } from "@/lib/toast";

export const KINDS: Record<Decision["kind"], { word: string; tone: Tone }> = {
  approval: { word: "Approval", tone: "human" },
  budget: { word: "Budget", tone: "bad" },
  parked: { word: "Parked", tone: "warn" },
  failure: { word: "Failed", tone: "bad" },
};

/** The first line of a task: enough to know which. */
export const firstLine = (text: string): string => text.split("\n", 1)[0] ?? "";

interface DecisionCardProps {
  decision: Decision;
  /** Whether it leads to its own page. */
  link?: boolean;
  /** Somebody has answered it meanwhile. */
  answer?: Answered | null;
}

/** One thing that waits for a person, with what is needed to answer it here. */
export function DecisionCard({ decision, link = true, answer = null }: DecisionCardProps) {
  const kind = KINDS[decision.kind];
  return (
    <article className="rounded-card border bg-surface p-4" aria-label={`${kind.word}: ${firstLine(decision.task)}`}>
      <header className="flex flex-wrap items-center gap-x-3 gap-y-1 text-sm">
        <Badge tone={kind.tone}>{kind.word}</Badge>
        <Link
          to="/runs/$runId"
          params={{ runId: decision.run_id }}
          className="min-w-0 flex-1 truncate font-medium hover:underline"
        >
          {firstLine(decision.task)}
        </Link>
        <Time at={decision.created_at} className="text-muted" />
      </header>
      <p className="mt-1 flex flex-wrap items-center gap-x-3 text-xs text-muted">
        <span>{decision.pipeline_id}</span>
        {decision.step_id ? <span>step {decision.step_id}</span> : null}
        {decision.agent_id ? <AgentChip id={decision.agent_id} /> : null}
        {decision.expires_at ? (
          <span>
            expires <Time at={decision.expires_at} />
          </span>
        ) : null}
        {decision.goes_on_at ? (
          <span>
            tries again <Time at={decision.goes_on_at} />
          </span>
        ) : null}
        {link ? (
          <Link to="/decisions/$decisionId" params={{ decisionId: decision.id }} className="py-1 text-accent hover:underline">
            Details
          </Link>
        ) : null}
      </p>
      <p className="mt-2 line-clamp-6 max-w-prose text-sm break-words whitespace-pre-wrap">{decision.text}</p>
      {decision.remedy ? <p className="mt-2 text-sm text-muted">{decision.remedy}</p> : null}
      <div className="mt-3">
        {answer ? (
          <Given answer={answer} />
        ) : (
          <div className="flex flex-wrap items-start justify-between gap-2">
            <Answer decision={decision} />
            <Later decision={decision} />
          </div>
        )}
      </div>
    </article>
  );
}

/** Puts it off until tomorrow morning, for this person only; or takes it back. */
function Later({ decision }: { decision: Decision }) {
  const { snoozed, snooze, wake } = useSnoozed();
  const until = snoozed[decision.id];
  if (until)
    return (
      <Button look="quiet" size="sm" onClick={() => wake(decision.id)}>
        Back <Time at={until} />: take it back now
      </Button>
    );
  const putOff = () => {
    snooze(decision.id);
    said("It comes back tomorrow morning.", () => wake(decision.id));
  };
  return (
    <Button look="quiet" size="sm" onClick={putOff} title="Hide it until tomorrow morning, for you only">
      <AlarmClock aria-hidden />
      Later
    </Button>
  );
}

const GIVEN: Record<Answered["how"], { word: string; tone: Tone }> = {
  approved: { word: "Approved", tone: "ok" },
  rejected: { word: "Rejected", tone: "bad" },
  expired: { word: "Expired", tone: "quiet" },
};

/** What was answered, and by whom. */
function Given({ answer }: { answer: Answered }) {
  const me = useMe();
  const { word, tone } = GIVEN[answer.how];
  const who = answer.userId === me.id ? "you" : answer.userName;
  return (
    <p role="status" className="flex flex-wrap items-center gap-2 text-sm text-muted">
      <Badge tone={tone}>{word}</Badge>
      {who ? `by ${who}` : "nobody answered in time"}
      {answer.comment ? <span className="min-w-0 break-words">“{answer.comment}”</span> : null}
    </p>
  );
}

function Answer({ decision }: { decision: Decision }) {
  if (decision.kind === "approval") return <ApprovalAnswer decision={decision} />;
  return (
    <div className="flex flex-wrap gap-2">
      {decision.kind === "budget" ? (
        <Button asChild look="primary" size="sm">
          <Link to="/usage/budgets">Look at budgets</Link>
        </Button>
      ) : null}
      <Button asChild size="sm">
        <Link to="/runs/$runId" params={{ runId: decision.run_id }}>
          Open run
        </Link>
      </Button>
    </div>
  );
}

function ApprovalAnswer({ decision }: { decision: Decision }) {
  const me = useMe();
  const decide = useDecide();
  const [rejecting, setRejecting] = useState(false);
  const [comment, setComment] = useState("");
  const refused = refusal(me, "member");
  const send = (answer: "approve" | "reject") =>
    decide.mutate(
      { runId: decision.run_id, approvalId: decision.id, decision: answer, comment },
      {
        onSuccess: () => said(answer === "approve" ? "Step approved" : "Step rejected"),
        onError: (error) => failed("The answer was not taken", error),
      },
    );
  return (
    <div className="grid gap-3">
      {rejecting ? (
        <Field label="What should be different?" hint="The step gets this as a hint.">
          {(control) => <Textarea {...control} value={comment} onChange={(event) => setComment(event.target.value)} />}
        </Field>
      ) : null}
      <div className="flex flex-wrap gap-2">
        <Button look="ok" busy={decide.isPending} refusal={refused} onClick={() => send("approve")}>
          <Check aria-hidden />
          Approve
        </Button>
        {rejecting ? (
          <>
            <Button look="bad" busy={decide.isPending} refusal={refused} onClick={() => send("reject")}>
              <X aria-hidden />
              Reject step
            </Button>
            <Button look="quiet" onClick={() => setRejecting(false)}>
              Back
            </Button>
          </>
        ) : (
          <Button refusal={refused} onClick={() => setRejecting(true)}>
            Reject …
          </Button>
        )}
      </div>
      {decide.error ? <ProblemPanel problem={decide.error} /> : null}
    </div>
  );
}
