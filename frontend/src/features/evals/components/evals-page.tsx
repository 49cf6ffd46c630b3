import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { FlaskConical, Play, Snowflake } from "lucide-react";
import { useState } from "react";

import type { Schemas } from "@/api/client";
import { refusal, useMe } from "@/api/me";
import { ListTable, PagedTable, type Column } from "@/components/data-table";
import { CheckField, ChoiceField, ModelField, TextField } from "@/components/fields";
import { FormDialog, textOf } from "@/components/form-dialog";
import { RowAction } from "@/components/row-action";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Confirm } from "@/components/ui/confirm";
import { EmptyState } from "@/components/ui/empty-state";
import { Money, Time } from "@/components/ui/facts";
import { Page, PageHeader, Section } from "@/components/ui/page-header";
import { Status } from "@/components/ui/status";
import { useFresh } from "@/hooks/use-fresh";
import { duration } from "@/lib/format";

import { casesQuery, evalKeys, evaluationsQuery, useDeleteCase, useFreezeCase, useStartEvaluation } from "../queries";

const route = getRouteApi("/_shell/evals/");

type Case = Schemas["Case"];

export function EvalsPage() {
  const me = useMe();
  const cases = useQuery(casesQuery());
  const [starting, setStarting] = useState(false);
  const [freezing, setFreezing] = useState(false);
  useFresh("runs", (frame) => (/^RUN_(COMPLETE|FAILED|CANCELLED)$/.test(frame.type) ? [evalKeys.all] : []), [evalKeys.all]);
  const refused = refusal(me, "member");
  const none = cases.data?.length === 0 ? "Freeze a run as a case first." : null;
  return (
    <Page>
      <PageHeader
        title="Evaluations"
        actions={
          <>
            <Button refusal={refused} onClick={() => setFreezing(true)}>
              <Snowflake aria-hidden />
              Freeze a run
            </Button>
            <Button look="primary" refusal={refused ?? none} onClick={() => setStarting(true)}>
              <Play aria-hidden />
              Start evaluation
            </Button>
          </>
        }
      >
        A case is a run with all that its models answered. Replay costs nothing; live asks the models again.
      </PageHeader>
      <Section title="Evaluations">
        <Evaluations />
      </Section>
      <Section title="Cases">
        <CaseTable query={cases} refused={refused} />
      </Section>
      {starting ? <StartForm cases={cases.data ?? []} onClose={() => setStarting(false)} /> : null}
      {freezing ? <FreezeForm onClose={() => setFreezing(false)} /> : null}
    </Page>
  );
}

function Evaluations() {
  const evaluations = useInfiniteQuery(evaluationsQuery());
  return (
    <PagedTable
      query={evaluations}
      what="evaluations"
      label="Evaluations"
      columns={EVALUATIONS}
      id={(row) => row.id}
      empty={<EmptyState icon={FlaskConical} title="Nothing has been evaluated yet." className="py-8" />}
    />
  );
}

const EVALUATIONS: Column<Schemas["Evaluation"]>[] = [
  {
    head: "Started",
    cell: (row) => (
      <Link to="/evals/$evaluationId" params={{ evaluationId: row.id }} className="text-accent hover:underline">
        <Time at={row.created_at} />
      </Link>
    ),
  },
  { head: "Mode", cell: (row) => row.mode },
  { head: "With", cell: (row) => withWhat(row) },
  { head: "Outcome", cell: (row) => <Outcome evaluation={row} /> },
];

export const withWhat = (row: Schemas["Evaluation"]): string =>
  [row.pipeline_id, row.current_pipeline ? "pipeline as it is now" : "", row.model_override].filter(Boolean).join(", ") || "as recorded";

export function Outcome({ evaluation }: { evaluation: Schemas["Evaluation"] }) {
  return (
    <span className="flex flex-wrap gap-1.5">
      {evaluation.passed > 0 ? <Badge tone="ok">{evaluation.passed} passed</Badge> : null}
      {evaluation.failed > 0 ? <Badge tone="bad">{evaluation.failed} failed</Badge> : null}
      {evaluation.running > 0 ? <Badge tone="run">{evaluation.running} running</Badge> : null}
    </span>
  );
}

interface CaseTableProps {
  query: ReturnType<typeof useQuery<Case[]>>;
  refused: string | null;
}

const CASES: Column<Case>[] = [
  {
    head: "Case",
    order: (row) => row.name,
    cell: (row) => (
      <Link to="/runs/$runId" params={{ runId: row.source_run_id }} className="font-medium hover:underline">
        {row.name}
      </Link>
    ),
  },
  { head: "Pipeline", order: (row) => row.pipeline_id, cell: (row) => row.pipeline_id },
  { head: "Expected end", cell: (row) => <Status status={row.status} /> },
  { head: "Cost", numeric: true, order: (row) => row.cost_total ?? 0, cell: (row) => <Money amount={row.cost_total} /> },
  { head: "Took", numeric: true, order: (row) => row.duration_s ?? 0, cell: (row) => (row.duration_s ? duration(row.duration_s) : "–") },
  { head: "Frozen", order: (row) => row.created_at, cell: (row) => <Time at={row.created_at} /> },
];

function CaseTable({ query, refused }: CaseTableProps) {
  const remove = useDeleteCase();
  const [leaving, setLeaving] = useState<Case | null>(null);
  return (
    <>
      <ListTable
        query={query}
        label="Cases"
        columns={CASES}
        id={(row) => row.id}
        empty={
          <EmptyState icon={Snowflake} title="No run has been frozen yet." className="py-8">
            Start a run with “Keep what models answer”, then freeze it here.
          </EmptyState>
        }
        actions={(row) => (
          <RowAction label={`Delete case ${row.name}`} refusal={refused} onClick={() => setLeaving(row)}>
            Delete
          </RowAction>
        )}
      />
      <Confirm
        open={leaving !== null}
        onOpenChange={() => setLeaving(null)}
        title={`Delete case ${leaving?.name ?? ""}?`}
        action="Delete case"
        onConfirm={() => remove.mutateAsync(leaving?.id ?? "")}
      >
        Its recording goes too. The run it was made of stays.
      </Confirm>
    </>
  );
}

const MODES: Record<Schemas["ModeEnum"], string> = {
  replay: "Replay: answers as recorded, no cost",
  live: "Live: models are asked again, and cost",
};

function StartForm({ cases, onClose }: { cases: Case[]; onClose: () => void }) {
  const start = useStartEvaluation();
  const navigate = route.useNavigate();
  const submit = async (values: FormData) => {
    const made = await start.mutateAsync({
      cases: values.getAll("case").map(String),
      mode: textOf(values, "mode") as Schemas["ModeEnum"],
      current_pipeline: values.get("current_pipeline") === "on",
      model_override: textOf(values, "model_override"),
    });
    await navigate({ to: "/evals/$evaluationId", params: { evaluationId: made.id } });
  };
  return (
    <FormDialog open onOpenChange={onClose} title="Start evaluation" action="Start evaluation" onSubmit={submit}>
      {(errors) => (
        <>
          <fieldset className="grid max-h-48 gap-1.5 overflow-y-auto">
            <legend className="mb-1 text-sm font-medium">Cases</legend>
            {cases.map((each) => (
              <label key={each.id} className="flex items-center gap-2 text-sm">
                <input type="checkbox" name="case" value={each.id} defaultChecked className="size-4 accent-accent" />
                {each.name} <span className="text-muted">{each.pipeline_id}</span>
              </label>
            ))}
          </fieldset>
          <ChoiceField name="mode" label="Mode" options={MODES} defaultValue="replay" errors={errors} />
          <CheckField name="current_pipeline" label="With the pipeline as it is now" />
          <ModelField name="model_override" label="Another model" hint="Only when live. Empty: as recorded." errors={errors} />
        </>
      )}
    </FormDialog>
  );
}

function FreezeForm({ onClose }: { onClose: () => void }) {
  const freeze = useFreezeCase();
  const submit = (values: FormData) =>
    freeze.mutateAsync({ run_id: textOf(values, "run_id"), name: textOf(values, "name") });
  return (
    <FormDialog
      open
      onOpenChange={onClose}
      title="Freeze a run"
      description="A run that kept what its models answered, and has ended."
      action="Freeze run"
      onSubmit={submit}
    >
      {(errors) => (
        <>
          <TextField name="run_id" label="Run" required placeholder="run_…" errors={errors} />
          <TextField name="name" label="Name of the case" required errors={errors} />
        </>
      )}
    </FormDialog>
  );
}
