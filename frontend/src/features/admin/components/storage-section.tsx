import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { api, ok, type Schemas } from "@/api/client";
import { jobKeys } from "@/api/jobs";
import { DataTable, type Column } from "@/components/data-table";
import { Loaded } from "@/components/loaded";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Confirm } from "@/components/ui/confirm";
import { EmptyState } from "@/components/ui/empty-state";
import { Time } from "@/components/ui/facts";
import { PageHeader, Section } from "@/components/ui/page-header";
import { bytes, count } from "@/lib/format";
import { failed, said } from "@/lib/toast";

import { useMeasureStorage } from "../mutations";
import { storageQuery } from "../queries";

const PARTS = { sections: "Parts", agents: "Homes of agents", projects: "Projects" } as const;

export function StorageSection() {
  const storage = useQuery(storageQuery());
  const measure = useMeasureStorage();
  return (
    <>
      <PageHeader
        title="Storage"
        actions={
          <Button
            busy={measure.isPending}
            onClick={() =>
              measure.mutate(undefined, {
                onSuccess: () => said("Measuring; the figures follow"),
                onError: (error) => failed("Nothing is measured", error),
              })
            }
          >
            Measure now
          </Button>
        }
      >
        {storage.data?.storage.free_bytes === undefined
          ? null
          : `${bytes(storage.data.storage.free_bytes)} of ${bytes(storage.data.storage.total_bytes ?? 0)} are free.`}
      </PageHeader>
      <Loaded query={storage}>
        {(found) => (
          <>
            {(Object.entries(PARTS) as [keyof typeof PARTS, string][]).map(([key, title]) =>
              found[key].length > 0 ? (
                <Section key={key} title={title}>
                  <DataTable label={title} rows={found[key]} columns={USAGE} id={(row) => row.name} />
                </Section>
              ) : null,
            )}
            {found.sections.length + found.agents.length === 0 ? <EmptyState title="Nothing has been measured yet: that is done once an hour." /> : null}
          </>
        )}
      </Loaded>
      <Cleaner />
    </>
  );
}

const USAGE: Column<Schemas["Usage"]>[] = [
  {
    head: "What",
    className: "font-medium",
    order: (row) => row.name,
    cell: (row) => (
      <>
        {row.name}
        {row.is_over ? (
          <Badge tone="bad" className="ml-2">
            over its share
          </Badge>
        ) : null}
      </>
    ),
  },
  { head: "Size", numeric: true, order: (row) => row.bytes, cell: (row) => bytes(row.bytes) },
  { head: "Of", numeric: true, cell: (row) => (row.quota_bytes ? bytes(row.quota_bytes) : "–") },
  { head: "Files", numeric: true, order: (row) => row.files, cell: (row) => count(row.files) },
  { head: "Measured", cell: (row) => <Time at={row.measured_at} /> },
];

/** Looks first, and takes away only after that. */
function Cleaner() {
  const [id, setId] = useState<string | null>(null);
  const [asking, setAsking] = useState(false);
  const client = useQueryClient();
  const cleaning = useQuery({
    queryKey: ["admin", "cleaning", id],
    queryFn: ({ signal }) =>
      ok(api.GET("/v1/storage/clean/{cleaning_id}", { params: { path: { cleaning_id: id ?? "" } }, signal })),
    enabled: id !== null,
    refetchInterval: ({ state }) => (state.data?.finished_at ? false : 2_000),
  });
  const start = async (dry_run: boolean) => {
    const begun = await ok(api.POST("/v1/storage/clean", { body: { dry_run } }));
    setId(begun.id);
    void client.invalidateQueries({ queryKey: jobKeys.all });
  };
  const look = () => void start(true).catch((error: unknown) => failed("The cleaner did not start", error));
  const found = cleaning.data;
  return (
    <Section
      title="Clean up"
      actions={
        <Button onClick={look} busy={id !== null && !found?.finished_at && !cleaning.error}>
          See what could go
        </Button>
      }
    >
      {id === null ? (
        <p className="text-sm text-muted">Logs, workspaces and branches that are older than they must be kept. It is done each day anyway.</p>
      ) : (
        <Loaded query={cleaning}>
          {(state) => (
            <div className="grid gap-3" role="status">
              <p className="text-sm">
                {state.finished_at
                  ? `${count(state.found)} things, ${bytes(state.freed_bytes)}${state.dry_run ? " could go" : " are gone"}.`
                  : `Looking at ${state.stage || "everything"}: ${count(state.found)} things so far, ${bytes(state.freed_bytes)}.`}
                {state.error ? <span className="text-bad"> {state.error}</span> : null}
              </p>
              {state.deletions.length > 0 ? <DataTable label="What could go" rows={state.deletions.slice(0, SHOWN_DELETIONS)} columns={DELETIONS} id={(row) => row.path} /> : null}
              {state.finished_at && state.dry_run && state.found > 0 ? (
                <div>
                  <Button look="bad" onClick={() => setAsking(true)}>
                    Take them away …
                  </Button>
                </div>
              ) : null}
            </div>
          )}
        </Loaded>
      )}
      <Confirm
        open={asking}
        onOpenChange={setAsking}
        title={`Take away ${count(found?.found)} things?`}
        action="Take them away"
        onConfirm={() => start(false)}
      >
        {bytes(found?.freed_bytes ?? 0)} become free. It cannot be undone.
      </Confirm>
    </Section>
  );
}

const SHOWN_DELETIONS = 200;

const DELETIONS: Column<Schemas["Deletion"]>[] = [
  { head: "Path", className: "max-w-96 truncate font-mono text-code", title: (row) => row.path, cell: (row) => row.path },
  { head: "Kind", cell: (row) => row.kind },
  { head: "Why", cell: (row) => row.reason },
  { head: "Size", numeric: true, order: (row) => row.bytes, cell: (row) => bytes(row.bytes) },
];
