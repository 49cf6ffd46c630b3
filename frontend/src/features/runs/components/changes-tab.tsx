import { useQuery } from "@tanstack/react-query";
import { GitCommitHorizontal } from "lucide-react";
import { useMemo, useState } from "react";

import { Button } from "@/components/ui/button";
import { Time } from "@/components/ui/facts";
import { Select } from "@/components/ui/input";
import { ProblemPanel } from "@/components/ui/problem-panel";
import { SkeletonRows } from "@/components/ui/skeleton";

import { ChangeNumbers, DiffView } from "../diff/diff-view";
import { type Comment, ReviewContext, useReview } from "../diff/review";
import { type Commit, commitsQuery, diffQuery, gitStatusQuery, type RunDetail } from "../queries";
import { hasEnded } from "../states";
import { CommentDialog, ReviewBar } from "./review-bar";
import type { RunAction } from "./run-actions";

interface ChangesTabProps {
  run: RunDetail;
  /** A commit; empty: all of the run; null: the list of commits. */
  shown: string | null;
  onShow: (commit: string | null) => void;
  onAction: (action: RunAction) => void;
}

/** What was changed: by step (a commit each), or all of it. */
export function ChangesTab({ run, shown, onShow, onAction }: ChangesTabProps) {
  const [comments, setComments] = useReview(run.id);
  const [asked, setAsked] = useState<Omit<Comment, "text"> | null>(null);
  const review = useMemo(() => ({ comments, ask: setAsked }), [comments]);
  const hasFiles = run.workspace_has_git && Boolean(run.head_commit);
  const commits = useQuery({ ...commitsQuery(run.id), enabled: hasFiles });
  const status = useQuery({ ...gitStatusQuery(run.id), enabled: hasFiles && run.workspace_exists });
  if (!hasFiles) return <p className="text-sm text-muted">{hasEnded(run) ? "This run has no repository." : "The repository is being made ready."}</p>;
  if (commits.error) return <ProblemPanel problem={commits.error} onRetry={() => void commits.refetch()} />;
  if (!commits.data) return <SkeletonRows rows={4} />;
  const full = shown ? commits.data.find((commit) => commit.hash.startsWith(shown))?.hash ?? shown : shown;
  return (
    <div className="grid grid-cols-1 gap-3">
      {commits.data.length === 0 ? full !== null ? null : <p className="text-sm text-muted">Each step that changes files ends with a commit here.</p> : (
        <Select aria-label="Changes of" value={full ?? "list"} onChange={(event) => onShow(event.target.value === "list" ? null : event.target.value)}>
          <option value="list">{commits.data.length === 1 ? "1 commit" : `${commits.data.length} commits`}</option>
          <option value="">All changes of this run</option>
          {commits.data.map((commit) => <option key={commit.hash} value={commit.hash}>{commit.step ? `${commit.step}: ` : ""}{commit.summary}</option>)}
        </Select>
      )}
      {full === null ? (
        <>
          {status.data && status.data.change_count > 0 ? (
            <section aria-label="Not committed yet">
              <h3 className="mb-1 text-sm font-medium">Not committed yet</h3>
              <ul className="grid gap-0.5">{status.data.changes.map((change) => (
                <li key={change.path} className="flex justify-between gap-2 text-sm"><span className="truncate font-mono text-code">{change.path}</span><span className="text-muted">{change.status}</span></li>
              ))}</ul>
              {status.data.change_count > status.data.changes.length ? <p className="text-sm text-muted">and {status.data.change_count - status.data.changes.length} more</p> : null}
            </section>
          ) : null}
          <ol className="grid grid-cols-1 gap-1">{commits.data.map((commit) => <li key={commit.hash}><CommitRow commit={commit} onShow={onShow} /></li>)}</ol>
        </>
      ) : <ReviewContext value={review}><ShownDiff runId={run.id} commit={full} /></ReviewContext>}
      <ReviewBar run={run} comments={comments} author={commits.data.find((commit) => commit.hash === full)?.step ?? ""} onChange={setComments} onAction={onAction} />
      {asked ? <CommentDialog place={asked} onClose={() => setAsked(null)} onAdd={(comment) => setComments([...comments, comment])} /> : null}
    </div>
  );
}

function CommitRow({ commit, onShow }: { commit: Commit; onShow: (hash: string) => void }) {
  return (
    <button type="button" onClick={() => onShow(commit.hash)} className="flex w-full items-start gap-2 rounded-control px-2 py-1.5 text-left text-sm hover:bg-sunken touch:min-h-11">
      <GitCommitHorizontal aria-hidden className="mt-0.5 size-4 shrink-0 text-muted" />
      <span className="min-w-0 flex-1">
        <span className="block truncate">{commit.summary || commit.subject}</span>
        <span className="block text-xs text-muted">{[commit.step, commit.agent || commit.author].filter(Boolean).join(" · ")} · <Time at={commit.date} /></span>
      </span>
      <ChangeNumbers change={commit} />
    </button>
  );
}

export function ShownDiff({ runId, commit }: { runId: string; commit: string }) {
  const diff = useQuery(diffQuery(runId, commit));
  if (diff.error) return <ProblemPanel problem={diff.error} onRetry={() => void diff.refetch()} />;
  if (!diff.data) return <SkeletonRows rows={4} />;
  return (
    <div className="grid gap-2">
      <p className="text-sm text-muted">{diff.data.files.length === 1 ? "1 file" : `${diff.data.files.length} files`}{commit ? <> in <code className="font-mono text-code">{commit.slice(0, 9)}</code></> : " changed by this run"}</p>
      <DiffView key={`${diff.data.base}-${diff.data.hash}`} diff={diff.data} />
    </div>
  );
}

export function BackButton({ onClick, children }: { onClick: () => void; children: React.ReactNode }) {
  return <Button size="sm" look="quiet" onClick={onClick}>← {children}</Button>;
}
