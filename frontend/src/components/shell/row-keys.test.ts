import { beforeEach, expect, it } from "vitest";

import { moveRow, moveTab, rowActions, selectRow } from "./row-keys";

beforeEach(() => {
  Element.prototype.scrollIntoView = () => undefined;
  document.body.innerHTML = `
    <main>
      <nav><a href="#1" id="one" data-status="active">1</a><a href="#2" id="two">2</a></nav>
      <table><tbody>
        <tr><td>Nothing to reach</td></tr>
        <tr><td><input type="checkbox" id="box"><a href="#a" id="a">A</a></td><td><button id="stop">Stop</button></td></tr>
        <tr><td><a href="#b" id="b">B</a></td></tr>
      </tbody></table>
    </main>`;
});

const focused = () => document.activeElement?.id;

it("goes from row to row, and stays at the ends", () => {
  const way = ([1, 1, 1, -1, -1] as const).map((by) => {
    moveRow(by);
    return focused();
  });
  expect(way).toEqual(["a", "b", "b", "a", "a"]);
});

it("ticks the row and reaches its buttons", () => {
  selectRow();
  expect(document.querySelector<HTMLInputElement>("#box")?.checked).toBe(false);
  moveRow(1);
  selectRow();
  expect(document.querySelector<HTMLInputElement>("#box")?.checked).toBe(true);
  rowActions();
  expect(focused()).toBe("stop");
});

it("opens the next section, and none after the last", () => {
  let clicked = "";
  document.addEventListener("click", (event) => (clicked = (event.target as Element).id), { once: true });
  moveTab(1);
  expect([focused(), clicked]).toEqual(["two", "two"]);
  moveTab(-1);
  expect(clicked).toBe("two");
});
