import { fireEvent, render, screen, within } from "@testing-library/react";
import { expect, it } from "vitest";

import { DataTable, ListTable, type Column } from "./data-table";

interface Pear {
  name: string;
  grams: number;
}

const PEARS: Pear[] = [
  { name: "Williams", grams: 180 },
  { name: "Abate", grams: 9 },
  { name: "Conference", grams: 1_000 },
];
const COLUMNS: Column<Pear>[] = [
  { head: "Name", order: (pear) => pear.name, cell: (pear) => pear.name },
  { head: "Grams", numeric: true, order: (pear) => pear.grams, cell: (pear) => pear.grams },
  { head: "Half", cell: (pear) => pear.grams / 2 },
];
const id = (pear: Pear) => pear.name;
const names = () => screen.getAllByRole("row").slice(1).map((row) => within(row).getAllByRole("cell")[0]?.textContent);

it("keeps the order it is given until somebody sorts, figures as figures", () => {
  render(<DataTable label="Pears" rows={PEARS} columns={COLUMNS} id={id} />);
  expect(names()).toEqual(["Williams", "Abate", "Conference"]);
  fireEvent.click(screen.getByRole("button", { name: "Grams" }));
  expect(names()).toEqual(["Conference", "Williams", "Abate"]);
  expect(screen.getByRole("columnheader", { name: "Grams" }).getAttribute("aria-sort")).toBe("descending");
  fireEvent.click(screen.getByRole("button", { name: "Grams" }));
  expect(names()).toEqual(["Abate", "Williams", "Conference"]);
  fireEvent.click(screen.getByRole("button", { name: "Name" }));
  expect(names()).toEqual(["Abate", "Conference", "Williams"]);
  expect(screen.queryByRole("button", { name: "Half" })).toBeNull();
});

it("says each cell's head, for narrow screens, and has a place for buttons", () => {
  render(<DataTable label="Pears" rows={PEARS} columns={COLUMNS} id={id} actions={(pear) => <button>Eat {pear.name}</button>} />);
  const row = screen.getByRole("row", { name: /Abate/ });
  expect(within(row).getAllByRole("cell").map((cell) => cell.dataset["head"])).toEqual(["Name", "Grams", "Half", undefined]);
  expect(within(row).getByRole("button", { name: "Eat Abate" })).toBeTruthy();
});

it("tells nothing yet from rows, and a failure from both", () => {
  const table = { label: "Pears", columns: COLUMNS, id, empty: <p>No pear yet.</p> };
  const refetch = () => Promise.reject(new Error());
  const { rerender } = render(<ListTable {...table} query={{ data: [], error: null, refetch }} />);
  expect(screen.getByText("No pear yet.")).toBeTruthy();
  rerender(<ListTable {...table} query={{ data: PEARS, error: null, refetch }} />);
  expect(screen.queryByText("No pear yet.")).toBeNull();
  expect(names()).toHaveLength(3);
  rerender(<ListTable {...table} query={{ data: PEARS, error: new Error("away"), refetch }} />);
  expect(screen.getByRole("alert").textContent).toContain("away");
  expect(names()).toHaveLength(3);
});
