import type { InfiniteData } from "@tanstack/react-query";

/** A page of a long list; `next` is the cursor of the page after it. */
export interface Page<Row> {
  items: Row[];
  next: string | null;
}

/** What every infinite query of ours shares: start without a cursor, follow `next`. */
export const byCursor = {
  initialPageParam: "",
  getNextPageParam: (last: { next: string | null }): string | null => last.next,
};

/** All rows that were loaded, in order. */
export function rowsOf<Row>(data: InfiniteData<Page<Row>> | undefined): Row[] {
  return data?.pages.flatMap((page) => page.items) ?? [];
}

/** Query parameters without those that say nothing. */
export function said<T extends Record<string, unknown>>(values: T): Partial<T> {
  return Object.fromEntries(
    Object.entries(values).filter(([, value]) => value !== "" && value !== undefined && value !== null),
  ) as Partial<T>;
}
