import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { ChartColumn, Download } from "lucide-react";
import { useMemo } from "react";

import { usageKeys, usageQuery, type UsageRow } from "@/api/usage";
import { StackedBars } from "@/components/charts/stacked-bars";
import { DataTable, type Column } from "@/components/data-table";
import { Figure, Figures } from "@/components/figure";
import { Loaded } from "@/components/loaded";
import { Pick } from "@/components/pick";
import { Button } from "@/components/ui/button";
import { EmptyState } from "@/components/ui/empty-state";
import { Money } from "@/components/ui/facts";
import { Card, Page, PageHeader, Section } from "@/components/ui/page-header";
import { UsageNav } from "@/components/usage/usage-nav";
import { useFresh } from "@/hooks/use-fresh";
import { count, money } from "@/lib/format";

import {
  bucketFor, GROUPS, MEASURES, RANGES, sinceOf, type Group, type Range,
} from "../search";
import { bucketsOf, byGroup, stacked, totalsOf } from "../series";

const route = getRouteApi("/_shell/usage/");

const percent = (share: number): string => `${Math.round(share * 100)} %`;

export function UsagePage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const range = search.range ?? "7d";
  const group = search.group ?? "model";
  const since = useMemo(() => sinceOf(range, new Date()), [range]);
  const ask = { bucket: bucketFor(range), group_by: group, since: since.toISOString() } as const;
  const usage = useQuery(usageQuery(ask));
  useFresh("runs", (frame) => (frame.type.startsWith("llm.") ? [usageKeys.all] : []), [usageKeys.all]);
  const set = (change: Partial<typeof search>) =>
    void navigate({ search: (old) => ({ ...old, ...change }), replace: true });
  const query = new URLSearchParams(ask).toString();
  return (
    <Page>
      <PageHeader
        title="Usage"
        actions={
          <>
            <Pick<Range> label="Range" value={range} options={RANGES} onChange={(value) => set({ range: value })} />
            <Pick<Group> label="Group by" value={group} options={GROUPS} onChange={(value) => set({ group: value })} />
            <Button asChild>
              <a href={`/v1/llm/usage/export?${query}`} download>
                <Download aria-hidden />
                Export CSV
              </a>
            </Button>
          </>
        }
      />
      <UsageNav />
      <Loaded query={usage}>
        {(rows) =>
          rows.length === 0 ? (
            <EmptyState
              icon={ChartColumn}
              title="No model call is in the sums of this time."
              action={
                <Button asChild look="primary">
                  <Link to="/usage/calls">Look at single calls</Link>
                </Button>
              }
            >
              Calls are summed once a minute. The list of calls has each as it ends.
            </EmptyState>
          ) : (
            <Overview
              rows={rows}
              range={range}
              group={group}
              since={since}
              show={search.show ?? firstMeasure(rows)}
              onShow={(show) => set({ show })}
            />
          )
        }
      </Loaded>
    </Page>
  );
}

/** Money, unless nothing has cost any. */
const firstMeasure = (rows: UsageRow[]): keyof typeof MEASURES => (totalsOf(rows).cost > 0 ? "cost" : "tokens");

interface OverviewProps {
  rows: UsageRow[];
  range: Range;
  group: Group;
  since: Date;
  show: keyof typeof MEASURES;
  onShow: (show: keyof typeof MEASURES) => void;
}

function Overview({ rows, range, group, since, show, onShow }: OverviewProps) {
  const bucket = bucketFor(range);
  const shown = useMemo(
    () => stacked(rows, show, bucketsOf(bucket, since, new Date())),
    [rows, show, bucket, since],
  );
  const totals = totalsOf(rows);
  const text = show === "cost" ? money : count;
  const bucketText = (time: string) =>
    bucket === "hour"
      ? new Date(time).toLocaleTimeString("en", { hour: "2-digit", minute: "2-digit", hour12: false })
      : new Date(time).toLocaleDateString("en", { day: "numeric", month: "short", timeZone: "UTC" });
  return (
    <>
      <Figures>
        <Figure
          name="Cost"
          value={<Money amount={totals.cost} />}
          note={totals.unknown > 0 ? `${count(totals.unknown)} calls of unknown cost` : undefined}
        />
        <Figure name="Calls" value={count(totals.calls)} />
        <Figure name="Tokens" value={count(totals.tokens)} />
        <Figure name="Failed calls" value={count(totals.failed)} note={totals.calls ? percent(totals.failed / totals.calls) : undefined} />
        <Figure name="Input from cache" value={percent(totals.cached)} />
      </Figures>
      <Section
        title={`${MEASURES[show]} by ${GROUPS[group].toLowerCase()}`}
        className="mt-6"
        actions={<Pick label="Measure" value={show} options={MEASURES} onChange={onShow} />}
      >
        <Card>
          <StackedBars
            label={`${MEASURES[show]} by ${GROUPS[group].toLowerCase()}, ${RANGES[range].toLowerCase()}. The table below has the same figures.`}
            buckets={shown.buckets}
            layers={shown.series}
            text={text}
            bucketText={bucketText}
          />
        </Card>
      </Section>
      <Section title="In figures">
        <DataTable label="In figures" rows={byGroup(rows)} columns={columns(group)} id={(each) => each.name} />
      </Section>
    </>
  );
}

/** What the calls page must filter by to show a group's calls. */
function drill(group: Group, row: UsageRow): Record<string, string> | null {
  const value = row.group;
  if (!value) return null;
  if (group === "model") return { model: value, provider: row.provider_id ?? "" };
  if (group === "agent") return { agent_id: value };
  if (group === "user") return { user_id: value };
  if (group === "project") return { project_id: value };
  if (group === "provider") return { provider: value };
  return group === "kind" ? { kind: value } : null;
}

type GroupRow = ReturnType<typeof byGroup>[number];

const columns = (group: Group): Column<GroupRow>[] => [
  {
    head: GROUPS[group],
    className: "font-medium break-all",
    order: (each) => each.name,
    cell: (each) => {
      const filter = drill(group, each.row);
      return filter ? (
        <Link to="/usage/calls" search={filter} className="text-accent hover:underline">
          {each.name}
        </Link>
      ) : (
        each.name
      );
    },
  },
  {
    head: "Cost",
    numeric: true,
    order: (each) => each.cost,
    cell: (each) => (
      <>
        <Money amount={each.cost} />
        {each.unknown > 0 ? (
          <span title={`${each.unknown} calls of unknown cost`} className="text-muted">
            {" "}
            +?
          </span>
        ) : null}
      </>
    ),
  },
  { head: "Calls", numeric: true, order: (each) => each.calls, cell: (each) => count(each.calls) },
  { head: "Failed", numeric: true, order: (each) => each.failed, cell: (each) => count(each.failed) },
  { head: "Tokens", numeric: true, order: (each) => each.tokens, cell: (each) => count(each.tokens) },
  { head: "From cache", numeric: true, order: (each) => each.cached, cell: (each) => percent(each.cached) },
];
