import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Check } from "lucide-react";

import { useSeen, visitQuery } from "@/api/visit";
import { Loaded } from "@/components/loaded";
import { Button } from "@/components/ui/button";
import { Money, Time } from "@/components/ui/facts";
import { Section } from "@/components/ui/page-header";
import { failed } from "@/lib/toast";

import { endedRunsQuery, newestRunsQuery } from "../queries";
import { byProject, counted } from "../since";
import { RunLine } from "./run-line";

const SHOWN = 6;

/** What has ended since this person was last here; without that, what ended lately. */
export function Since() {
  const visit = useQuery(visitQuery);
  if (!visit.data?.since) return <Lately />;
  return <SinceThen since={visit.data.since} />;
}

function SinceThen({ since }: { since: string }) {
  const ended = useQuery(endedRunsQuery(since));
  const seen = useSeen();
  if (ended.data?.items.length === 0) return <Lately />;
  return (
    <Section
      title="Since you were here"
      actions={
        <Button
          size="sm"
          look="quiet"
          busy={seen.isPending}
          onClick={() => seen.mutate(undefined, { onError: (error) => failed("It was not marked", error) })}
        >
          <Check aria-hidden />
          Mark as seen
        </Button>
      }
    >
      <Loaded query={ended}>
        {({ items, total }) => (
          <>
            <p className="mb-2 text-sm text-muted">
              <Time at={since} className="text-muted" />: {counted(items, total ?? items.length)}, for{" "}
              <Money amount={items.reduce((sum, run) => sum + Number(run.cost_total ?? 0), 0)} />.
            </p>
            {byProject(items).map(({ project, runs }) => (
              <div key={project} className="mb-3">
                {project ? <h3 className="mb-1 text-xs font-medium text-muted">{project}</h3> : null}
                <ul className="divide-y rounded-card border bg-surface">
                  {runs.slice(0, SHOWN).map((run) => (
                    <RunLine key={run.id} run={run} />
                  ))}
                </ul>
              </div>
            ))}
            {items.length > SHOWN ? (
              <Link to="/runs" search={{ status: "terminal" }} className="text-sm text-accent hover:underline">
                All ended runs
              </Link>
            ) : null}
          </>
        )}
      </Loaded>
    </Section>
  );
}

function Lately() {
  const runs = useQuery(newestRunsQuery());
  const ended = (runs.data?.items ?? []).filter((run) => run.completed_at);
  if (ended.length === 0) return null;
  return (
    <Section title="Ended lately" actions={<Link to="/runs" className="text-sm text-accent hover:underline">All runs</Link>}>
      <ul className="divide-y rounded-card border bg-surface">
        {ended.slice(0, SHOWN).map((run) => (
          <RunLine key={run.id} run={run} />
        ))}
      </ul>
    </Section>
  );
}
