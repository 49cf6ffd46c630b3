// Keys for whatever list and whatever tabs a page has: they go by what stands in the document.

const ROWS = "main tbody tr, main [data-row]";
const REACHABLE = "a[href], button:not([disabled])";

const rows = (): HTMLElement[] =>
  [...document.querySelectorAll<HTMLElement>(ROWS)].filter((row) => row.querySelector(REACHABLE) !== null);

const here = (all: readonly HTMLElement[]): number => all.findIndex((row) => row.contains(document.activeElement));

/** Focus what the next row leads to (by 1), or the one before (by -1); its Enter opens it. */
export function moveRow(by: 1 | -1): void {
  const all = rows();
  const at = here(all);
  const next = all[at < 0 ? 0 : Math.min(all.length - 1, Math.max(0, at + by))];
  next?.querySelector<HTMLElement>(REACHABLE)?.focus();
  next?.scrollIntoView({ block: "nearest" });
}

/** Tick the row that has the focus, or take the tick away. */
export function selectRow(): void {
  const all = rows();
  all[here(all)]?.querySelector<HTMLElement>("[role=checkbox], input[type=checkbox]")?.click();
}

/** Focus the first button of the row that has the focus. */
export function rowActions(): void {
  const all = rows();
  all[here(all)]?.querySelector<HTMLElement>("td:last-child button, td:last-child a[href]")?.focus();
}

/** Open the tab or section after (by 1) or before (by -1) the one that is open. */
export function moveTab(by: 1 | -1): void {
  const open = document.querySelector("main [role=tab][aria-selected=true], main nav a[data-status=active]");
  const list = open?.closest("[role=tablist], nav");
  if (!open || !list) return;
  const all = [...list.querySelectorAll<HTMLElement>("[role=tab], a[href]")];
  const next = all[all.indexOf(open as HTMLElement) + by];
  next?.focus(); // tabs open by focus
  if (next?.tagName === "A") next.click();
}
