/** Keys that do something, known in one place: for the listener, the help sheet and the palette. */

export interface Binding {
  /** `n`, `g h` (one after the other), `?`, `mod+k` (⌘ or Ctrl). */
  keys: string;
  /** Verb and object, for people. */
  label: string;
  /** The heading in the help sheet. */
  group: string;
  run: () => void;
}

const SEQUENCE_MS = 1_200;
const OFF_KEY = "single-keys"; // "off": letters do nothing (WCAG 2.1.4)
const EDITABLE = "input, textarea, select, [contenteditable=true], [contenteditable=''], .cm-editor";

export class Keymap {
  #held = new Set<Binding[]>();
  #list: Binding[] = [];
  #watchers = new Set<() => void>();
  #before = "";
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** All bindings that hold now, the latest first. The same array until one comes or goes. */
  readonly bindings = (): Binding[] => this.#list;

  readonly watch = (changed: () => void): (() => void) => {
    this.#watchers.add(changed);
    return () => this.#watchers.delete(changed);
  };

  /** Hold bindings; of two for the same keys the later wins. Returns how to let go. */
  hold(bindings: Binding[]): () => void {
    this.#held.add(bindings);
    this.#changed();
    return () => {
      this.#held.delete(bindings);
      this.#changed();
    };
  }

  readonly onKeyDown = (event: KeyboardEvent): void => {
    if (event.defaultPrevented || event.isComposing) return;
    const key = keyOf(event);
    if (key === "") return;
    const isChord = key.startsWith("mod+");
    if (!isChord && (singleKeysOff() || isBusy(event.target))) return;
    const sequence = this.#before ? `${this.#before} ${key}` : key;
    const binding = this.#find(sequence) ?? this.#find(key);
    this.#remember(binding ? "" : key);
    if (!binding) return;
    event.preventDefault();
    binding.run();
  };

  #find(keys: string): Binding | undefined {
    return this.#list.find((binding) => binding.keys === keys);
  }

  /** A key that begins a sequence is kept for a moment. */
  #remember(key: string): void {
    clearTimeout(this.#timer);
    this.#before = this.#list.some((binding) => binding.keys.startsWith(`${key} `)) ? key : "";
    if (this.#before) this.#timer = setTimeout(() => (this.#before = ""), SEQUENCE_MS);
  }

  #changed(): void {
    this.#list = [...this.#held].reverse().flat();
    for (const changed of [...this.#watchers]) changed();
  }
}

function keyOf(event: KeyboardEvent): string {
  if (event.altKey) return "";
  if (event.metaKey || event.ctrlKey) return `mod+${event.key.toLowerCase()}`;
  return event.key.length === 1 ? event.key : event.key.toLowerCase();
}

/** Somebody types, or a dialog is open: letters are for those. */
function isBusy(target: EventTarget | null): boolean {
  if (document.querySelector("[role=dialog], [role=alertdialog], [role=menu]")) return true;
  return target instanceof Element && target.closest(EDITABLE) !== null;
}

export const singleKeysOff = (): boolean => localStorage.getItem(OFF_KEY) === "off";

export function setSingleKeys(on: boolean): void {
  if (on) localStorage.removeItem(OFF_KEY);
  else localStorage.setItem(OFF_KEY, "off");
}

/** `g h` as people see it, key by key. */
export function keyCaps(keys: string): string[] {
  const isMac = /Mac|iPhone|iPad/.test(navigator.userAgent);
  return keys.split(" ").flatMap((key) => {
    if (!key.startsWith("mod+")) return [key.length === 1 ? key : key.charAt(0).toUpperCase() + key.slice(1)];
    return [isMac ? "⌘" : "Ctrl", key.slice("mod+".length).toUpperCase()];
  });
}

export const keymap = new Keymap();
