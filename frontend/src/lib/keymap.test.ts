import { afterEach, beforeEach, expect, it, vi } from "vitest";

import { Keymap } from "./keymap";

let keys: Keymap;
const done = vi.fn();
const bind = (name: string) => ({ keys: name, label: name, group: "Test", run: () => void done(name) });
const press = (key: string, init: KeyboardEventInit = {}) =>
  document.activeElement!.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...init }));

beforeEach(() => {
  done.mockReset();
  keys = new Keymap();
  addEventListener("keydown", keys.onKeyDown);
});

afterEach(() => {
  removeEventListener("keydown", keys.onKeyDown);
  document.body.replaceChildren();
  vi.useRealTimers();
});

it("knows single keys, chords and sequences", () => {
  keys.hold([bind("n"), bind("g h"), bind("mod+k"), bind("?")]);
  press("n");
  press("g");
  press("h");
  press("k", { ctrlKey: true });
  press("?", { shiftKey: true });
  expect(done.mock.calls.flat()).toEqual(["n", "g h", "mod+k", "?"]);
});

it("forgets the start of a sequence after a while", () => {
  vi.useFakeTimers();
  keys.hold([bind("g h")]);
  press("g");
  vi.advanceTimersByTime(5_000);
  press("h");
  expect(done).not.toHaveBeenCalled();
});

it("leaves letters to fields and dialogs, and keeps chords", () => {
  keys.hold([bind("n"), bind("mod+k")]);
  const field = document.body.appendChild(document.createElement("input"));
  field.focus();
  press("n");
  press("k", { metaKey: true });
  field.remove();
  const dialog = document.body.appendChild(document.createElement("div"));
  dialog.setAttribute("role", "dialog");
  press("n");
  expect(done.mock.calls.flat()).toEqual(["mod+k"]);
});

it("can be told to leave letters alone", () => {
  keys.hold([bind("n"), bind("mod+k")]);
  keys.configure({ singleKeys: false, own: {} });
  press("n");
  press("k", { ctrlKey: true });
  expect(done.mock.calls.flat()).toEqual(["mod+k"]);
});

it("takes keys of one's own in the places of ours", () => {
  keys.configure({ singleKeys: true, own: { n: "m", "g h": "q x" } });
  keys.hold([bind("n"), bind("g h"), bind("e")]);
  for (const key of ["n", "m", "g", "h", "q", "x", "e"]) press(key);
  expect(done.mock.calls.flat()).toEqual(["n", "g h", "e"]);
  expect(keys.keysFor("n")).toBe("m");
});

it("gives the later binding the keys, until it goes", () => {
  const outer = vi.fn();
  keys.hold([{ ...bind("n"), run: outer }]);
  const letGo = keys.hold([bind("n")]);
  press("n");
  letGo();
  press("n");
  expect(done).toHaveBeenCalledOnce();
  expect(outer).toHaveBeenCalledOnce();
});
