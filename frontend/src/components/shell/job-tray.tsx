import { useQuery } from "@tanstack/react-query";
import { Link, type LinkProps } from "@tanstack/react-router";
import { ListChecks } from "lucide-react";
import { useEffect, useRef, type ReactNode } from "react";

import { isMoving, jobsQuery, type Job } from "@/api/jobs";
import { IconButton } from "@/components/ui/button";
import { Time } from "@/components/ui/facts";
import { Popover, PopoverContent, PopoverTrigger } from "@/components/ui/popover";
import { Progress } from "@/components/ui/progress";
import { StatusMark } from "@/components/ui/status";
import { failed, said } from "@/lib/toast";

const MARKS: Record<Job["state"], string> = { waiting: "queued", running: "running", done: "completed", failed: "failed" };

/** Long work that somebody asked for: how far it is. Nothing when there is none. */
export function JobTray() {
  const { data: jobs = [] } = useQuery(jobsQuery);
  useTold(jobs);
  if (jobs.length === 0) return null;
  const moving = jobs.filter(isMoving).length;
  const label = moving > 0 ? `Jobs, ${moving} under way` : "Jobs, all ended";
  return (
    <Popover>
      <PopoverTrigger asChild>
        <IconButton label={label} className="relative">
          <ListChecks aria-hidden />
          {moving > 0 ? (
            <span className="tone-run absolute top-0 right-0 size-4 rounded-full bg-tone text-xs/4 text-on-accent tabular-nums" aria-hidden>
              {moving}
            </span>
          ) : null}
        </IconButton>
      </PopoverTrigger>
      <PopoverContent aria-label="Jobs" className="w-80">
        <h2 className="text-sm font-semibold">Jobs</h2>
        <ul className="mt-2 grid gap-3">
          {jobs.map((job) => (
            <li key={job.id} className="flex gap-2 text-sm">
              <StatusMark status={MARKS[job.state]} word className="mt-0.5" />
              <div className="min-w-0 flex-1">
                <p className="flex justify-between gap-3">
                  <JobLink job={job}>{job.title}</JobLink>
                  <Time at={job.finished_at ?? job.created_at} className="text-xs text-muted" />
                </p>
                {job.detail ? <p className={job.state === "failed" ? "text-xs text-bad" : "text-xs text-muted"}>{job.detail}</p> : null}
                {isMoving(job) && job.total ? (
                  <Progress className="mt-1.5" value={job.done ?? 0} of={job.total} label={job.title} tone="run" />
                ) : null}
              </div>
            </li>
          ))}
        </ul>
      </PopoverContent>
    </Popover>
  );
}

const PAGES: Record<string, (job: Job) => LinkProps> = {
  cleaning: () => ({ to: "/admin/$section", params: { section: "storage" } }),
  evaluation: (job) => ({ to: "/evals/$evaluationId", params: { evaluationId: job.id } }),
};

function JobLink({ job, children }: { job: Job; children: ReactNode }) {
  const page = PAGES[job.kind];
  if (!page) return <span className="font-medium">{children}</span>;
  return (
    <Link {...page(job)} className="font-medium hover:underline">
      {children}
    </Link>
  );
}

/** Says when one that was under way has ended. */
function useTold(jobs: readonly Job[]): void {
  const moved = useRef(new Set<string>());
  useEffect(() => {
    for (const job of jobs) {
      if (isMoving(job)) moved.current.add(job.id);
      else if (moved.current.delete(job.id)) {
        if (job.state === "failed") failed(`${job.title} failed`, new Error(job.detail));
        else said(`${job.title}: done.`);
      }
    }
  }, [jobs]);
}
