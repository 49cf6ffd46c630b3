import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { FlaskConical, Play, Snowflake } from "lucide-react";
import { useState } from "react";

import type { Schemas } from "@/api/client";
import { modelsQuery } from "@/api/llm";
import { refusal, useMe } from "@/api/me";
import { rowsOf } from "@/api/paging";
import { FormDialog, textOf } from "@/components/form-dialog";
import { Loaded } from "@/components/loaded";
import { More } from "@/components/more";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Confirm } from "@/components/ui/confirm";
import { EmptyState } from "@/components/ui/empty-state";
import { Money, Time } from "@/components/ui/facts";
import { Field, Input, Select } from "@/components/ui/input";
import { Page, PageHeader, Section } from "@/components/ui/page-header";
import { Status } from "@/components/ui/status";
import { Row, Table, TableBody, TableHead, Td, Th } from "@/components/ui/table";
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
        <Loaded query={cases}>
          {(rows) =>
            rows.length === 0 ? (
              <EmptyState icon={Snowflake} title="No run has been frozen yet." className="py-8">
                Start a run with “Keep what models answer”, then freeze it here.
              </EmptyState>
            ) : (
              <CaseTable rows={rows} refused={refused} />
            )
          }
        </Loaded>
      </Section>
      {starting ? <StartForm cases={cases.data ?? []} onClose={() => setStarting(false)} /> : null}
      {freezing ? <FreezeForm onClose={() => setFreezing(false)} /> : null}
    </Page>
  );
}

function Evaluations() {
  const evaluations = useInfiniteQuery(evaluationsQuery());
  return (
    <Loaded query={evaluations}>
      {(data) => {
        const rows = rowsOf(data);
        return rows.length === 0 ? (
          <EmptyState icon={FlaskConical} title="Nothing has been evaluated yet." className="py-8" />
        ) : (
          <>
            <Table>
              <TableHead>
                <tr>
                  <Th>Started</Th>
                  <Th>Mode</Th>
                  <Th>With</Th>
                  <Th>Outcome</Th>
                </tr>
              </TableHead>
              <TableBody>
                {rows.map((row) => (
                  <Row key={row.id}>
                    <Td>
                      <Link to="/evals/$evaluationId" params={{ evaluationId: row.id }} className="text-accent hover:underline">
                        <Time at={row.created_at} />
                      </Link>
                    </Td>
                    <Td>{row.mode}</Td>
                    <Td>{withWhat(row)}</Td>
                    <Td>
                      <Outcome evaluation={row} />
                    </Td>
                  </Row>
                ))}
              </TableBody>
            </Table>
            <More query={evaluations} what="evaluations" />
          </>
        );
      }}
    </Loaded>
  );
}

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

function CaseTable({ rows, refused }: { rows: Case[]; refused: string | null }) {
  const remove = useDeleteCase();
  const [leaving, setLeaving] = useState<Case | null>(null);
  return (
    <>
      <Table>
        <TableHead>
          <tr>
            <Th>Case</Th>
            <Th>Pipeline</Th>
            <Th>Expected end</Th>
            <Th numeric>Cost</Th>
            <Th numeric>Took</Th>
            <Th>Frozen</Th>
            <Th>
              <span className="sr-only">Actions</span>
            </Th>
          </tr>
        </TableHead>
        <TableBody>
          {rows.map((row) => (
            <Row key={row.id}>
              <Td>
                <Link to="/runs/$runId" params={{ runId: row.source_run_id }} className="font-medium hover:underline">
                  {row.name}
                </Link>
              </Td>
              <Td>{row.pipeline_id}</Td>
              <Td>
                <Status status={row.status} />
              </Td>
              <Td numeric>
                <Money amount={row.cost_total} />
              </Td>
              <Td numeric>{row.duration_s ? duration(row.duration_s) : "–"}</Td>
              <Td>
                <Time at={row.created_at} />
              </Td>
              <Td className="text-right">
                <Button size="sm" look="quiet" refusal={refused} aria-label={`Delete case ${row.name}`} onClick={() => setLeaving(row)}>
                  Delete
                </Button>
              </Td>
            </Row>
          ))}
        </TableBody>
      </Table>
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

function StartForm({ cases, onClose }: { cases: Case[]; onClose: () => void }) {
  const start = useStartEvaluation();
  const models = useQuery(modelsQuery());
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
          <Field label="Mode" error={errors["mode"]}>
            {(control) => (
              <Select {...control} name="mode" defaultValue="replay">
                <option value="replay">Replay: answers as recorded, no cost</option>
                <option value="live">Live: models are asked again, and cost</option>
              </Select>
            )}
          </Field>
          <label className="flex items-center gap-2 text-sm">
            <input type="checkbox" name="current_pipeline" className="size-4 accent-accent" />
            With the pipeline as it is now
          </label>
          <Field label="Another model" hint="Only when live. Empty: as recorded." error={errors["model_override"]}>
            {(control) => (
              <>
                <Input {...control} name="model_override" list="eval-models" autoComplete="off" />
                <datalist id="eval-models">
                  {(models.data ?? []).map((model) => (
                    <option key={model.name} value={model.name} />
                  ))}
                </datalist>
              </>
            )}
          </Field>
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
          <Field label="Run" error={errors["run_id"]}>
            {(control) => <Input {...control} name="run_id" required placeholder="run_…" className="font-mono text-code" autoComplete="off" />}
          </Field>
          <Field label="Name of the case" error={errors["name"]}>
            {(control) => <Input {...control} name="name" required autoComplete="off" />}
          </Field>
        </>
      )}
    </FormDialog>
  );
}
