import type { InfiniteData, UseQueryResult } from "@tanstack/react-query";
import { ArrowDown, ArrowUp } from "lucide-react";
import { useState, type ReactNode } from "react";

import { rowsOf, type Page } from "@/api/paging";
import { cn } from "@/lib/cn";

import { Loaded } from "./loaded";
import { More } from "./more";
import { Row, Table, TableBody, TableHead, Td, Th } from "./ui/table";

export interface Column<Item> {
  head: string;
  cell: (item: Item) => ReactNode;
  numeric?: boolean;
  /** Of the cells. */
  className?: string;
  /** What is cut off, in full. */
  title?: (item: Item) => string;
  /** People may sort by it. Only where all rows are here: a page of a list is sorted by the API. */
  order?: (item: Item) => string | number;
}

interface DataTableProps<Item> {
  /** What it is a table of. */
  label: string;
  rows: readonly Item[];
  /** The first one names the row. */
  columns: readonly Column<Item>[];
  id: (item: Item) => string | number;
  /** Buttons at the end of a row. */
  actions?: (item: Item) => ReactNode;
}

interface Order {
  head: string;
  down: boolean;
}

/** Rows under columns. On a phone each row is two lines: its name, and the rest with its heads. */
export function DataTable<Item>({ label, rows, columns, id, actions }: DataTableProps<Item>) {
  const [order, setOrder] = useState<Order | null>(null);
  return (
    <Table label={label}>
      <TableHead className="max-sm:sr-only">
        <tr>
          {columns.map((column) => (
            <Head key={column.head} column={column} order={order} onOrder={setOrder} />
          ))}
          {actions ? (
            <Th>
              <span className="sr-only">Actions</span>
            </Th>
          ) : null}
        </tr>
      </TableHead>
      <TableBody>
        {sorted(rows, columns, order).map((item) => (
          <Row
            key={id(item)}
            className="max-sm:flex max-sm:flex-wrap max-sm:items-center max-sm:gap-x-4 max-sm:gap-y-1 max-sm:px-3 max-sm:py-2.5 max-sm:after:order-2 max-sm:after:basis-full max-sm:after:content-['']"
          >
            {columns.map((column, index) => (
              <Cell key={column.head} column={column} item={item} isFirst={index === 0} />
            ))}
            {actions ? (
              <Td className="text-right whitespace-nowrap max-sm:order-1 max-sm:ml-auto max-sm:h-auto max-sm:p-0">{actions(item)}</Td>
            ) : null}
          </Row>
        ))}
      </TableBody>
    </Table>
  );
}

function sorted<Item>(rows: readonly Item[], columns: readonly Column<Item>[], order: Order | null): readonly Item[] {
  const by = columns.find((column) => column.head === order?.head)?.order;
  if (!order || !by) return rows;
  const compared = (a: Item, b: Item): number => {
    const [left, right] = [by(a), by(b)];
    return typeof left === "number" && typeof right === "number" ? left - right : String(left).localeCompare(String(right));
  };
  return [...rows].sort((a, b) => (order.down ? compared(b, a) : compared(a, b)));
}

interface HeadProps<Item> {
  column: Column<Item>;
  order: Order | null;
  onOrder: (order: Order) => void;
}

function Head<Item>({ column, order, onOrder }: HeadProps<Item>) {
  if (!column.order) return <Th numeric={column.numeric ?? false}>{column.head}</Th>;
  const down = order?.head === column.head ? order.down : null;
  const Arrow = down ? ArrowDown : ArrowUp;
  return (
    <Th numeric={column.numeric ?? false} aria-sort={down === null ? "none" : down ? "descending" : "ascending"}>
      <button
        type="button"
        className="inline-flex items-center gap-1 rounded-control hover:text-text"
        onClick={() => onOrder({ head: column.head, down: down === null ? Boolean(column.numeric) : !down })}
      >
        {column.head}
        <Arrow className={cn("size-3", down === null && "opacity-0")} aria-hidden />
      </button>
    </Th>
  );
}

function Cell<Item>({ column, item, isFirst }: { column: Column<Item>; item: Item; isFirst: boolean }) {
  return (
    <Td
      numeric={column.numeric ?? false}
      data-head={column.head}
      title={column.title?.(item)}
      className={cn(
        column.className,
        "max-sm:h-auto max-sm:p-0 max-sm:text-left",
        isFirst
          ? "max-sm:min-w-0 max-sm:grow max-sm:basis-3/5"
          : "max-sm:order-3 max-sm:max-w-full max-sm:text-xs max-sm:before:mr-1 max-sm:before:font-sans max-sm:before:text-xs max-sm:before:text-muted max-sm:before:content-[attr(data-head)]",
      )}
    >
      {column.cell(item)}
    </Td>
  );
}

interface Listed<Item> extends Omit<DataTableProps<Item>, "rows"> {
  /** When there is no row. */
  empty: ReactNode;
}

interface ListTableProps<Item> extends Listed<Item> {
  query: Pick<UseQueryResult<readonly Item[]>, "data" | "error" | "refetch">;
}

/** A list that the API gives whole. */
export function ListTable<Item>({ query, empty, ...table }: ListTableProps<Item>) {
  return <Loaded query={query}>{(rows) => (rows.length === 0 ? empty : <DataTable rows={rows} {...table} />)}</Loaded>;
}

interface PagedTableProps<Item> extends Listed<Item> {
  query: Pick<UseQueryResult<InfiniteData<Page<Item>>>, "data" | "error" | "refetch"> & {
    hasNextPage: boolean;
    isFetchingNextPage: boolean;
    fetchNextPage: () => Promise<unknown>;
  };
  /** What there is more of, in plural. */
  what: string;
}

/** A list that the API gives by cursor, a page at a time. */
export function PagedTable<Item>({ query, what, empty, ...table }: PagedTableProps<Item>) {
  return (
    <Loaded query={query}>
      {(data) => {
        const rows = rowsOf(data);
        return rows.length === 0 ? (
          empty
        ) : (
          <>
            <DataTable rows={rows} {...table} />
            <More query={query} what={what} />
          </>
        );
      }}
    </Loaded>
  );
}
