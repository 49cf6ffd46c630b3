import type { UsageRow } from "@/api/usage";

export type Measure = "cost" | "tokens" | "calls";

export interface Series {
  name: string;
  values: number[];
  total: number;
}

export interface Stacked {
  buckets: string[];
  series: Series[];
}

/** More than this and colours can no longer be told apart: the rest is one series. */
export const MOST_SERIES = 7;
export const REST = "other";

export const tokensOf = (row: UsageRow): number =>
  row.input_tokens + row.output_tokens + row.cache_read_tokens + row.cache_write_tokens;

export function valueOf(row: UsageRow, measure: Measure): number {
  if (measure === "cost") return row.cost_total ?? 0;
  return measure === "tokens" ? tokensOf(row) : row.calls;
}

/** `provider/model`, or the id; what belongs to nothing is named too. */
export const groupName = (row: UsageRow): string => {
  const name = row.group || "none";
  return row.provider_id && row.group ? `${row.provider_id}/${row.group}` : name;
};

/** Rows by bucket and group as layers over a time line without gaps, the largest first. */
export function stacked(rows: readonly UsageRow[], measure: Measure, buckets: string[]): Stacked {
  const at = new Map(buckets.map((bucket, index) => [bucket, index]));
  const named = new Map<string, number[]>();
  for (const row of rows) {
    const index = at.get(bucketKey(row.bucket ?? ""));
    if (index === undefined) continue;
    const name = groupName(row);
    const values = named.get(name) ?? buckets.map(() => 0);
    values[index] = (values[index] ?? 0) + valueOf(row, measure);
    named.set(name, values);
  }
  const all = [...named].map(([name, values]) => ({ name, values, total: sum(values) }));
  all.sort((a, b) => b.total - a.total || a.name.localeCompare(b.name));
  const rest = all.slice(MOST_SERIES);
  const series = all.slice(0, MOST_SERIES);
  if (rest.length > 0) {
    const values = buckets.map((_, index) => sum(rest.map((each) => each.values[index] ?? 0)));
    series.push({ name: REST, values, total: sum(values) });
  }
  return { buckets, series };
}

const sum = (values: readonly number[]): number => values.reduce((all, each) => all + each, 0);

const HOUR_MS = 3_600_000;

/** Starts of the hours or days from `since` until `now`, in UTC as the server cuts them. */
export function bucketsOf(bucket: "hour" | "day", since: Date, now: Date): string[] {
  const step = bucket === "hour" ? HOUR_MS : 24 * HOUR_MS;
  const first = Math.floor(since.getTime() / step) * step;
  const found: string[] = [];
  for (let at = first; at <= now.getTime(); at += step) found.push(new Date(at).toISOString());
  return found;
}

export const bucketKey = (time: string): string => {
  const at = new Date(time);
  return Number.isNaN(at.getTime()) ? "" : at.toISOString();
};

export interface Totals {
  cost: number;
  unknown: number;
  calls: number;
  failed: number;
  tokens: number;
  /** Of all input tokens, how many came from a provider's cache: 0 to 1. */
  cached: number;
}

export function totalsOf(rows: readonly UsageRow[]): Totals {
  const input = sum(rows.map((row) => row.input_tokens + row.cache_read_tokens));
  const read = sum(rows.map((row) => row.cache_read_tokens));
  return {
    cost: sum(rows.map((row) => row.cost_total ?? 0)),
    unknown: sum(rows.map((row) => row.cost_unknown_calls)),
    calls: sum(rows.map((row) => row.calls)),
    failed: sum(rows.map((row) => row.failed_calls)),
    tokens: sum(rows.map(tokensOf)),
    cached: input > 0 ? read / input : 0,
  };
}

/** One row a group over the whole range, the dearest first. */
export function byGroup(rows: readonly UsageRow[]): (Totals & { name: string; row: UsageRow })[] {
  const named = new Map<string, UsageRow[]>();
  for (const row of rows) {
    const name = groupName(row);
    named.set(name, [...(named.get(name) ?? []), row]);
  }
  return [...named]
    .flatMap(([name, group]) => (group[0] ? [{ name, row: group[0], ...totalsOf(group) }] : []))
    .sort((a, b) => b.cost - a.cost || b.tokens - a.tokens);
}
