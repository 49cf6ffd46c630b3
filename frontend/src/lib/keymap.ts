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
const EDITABLE = "input, textarea, select, [contenteditable=true], [contenteditable=''], .cm-editor";

/** What a person has chosen about keys. */
export interface KeyChoices {
  /** Whether letters alone do something (WCAG 2.1.4). */
  singleKeys: boolean;
  /** Keys of one's own in the places of ours: {"g h": "g x"}. */
  own: Readonly<Record<string, string>>;
}

export class Keymap {
  #choices: KeyChoices = { singleKeys: true, own: {} };
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

  readonly configure = (choices: KeyChoices): void => {
    this.#choices = choices;
    this.#changed();
  };

  /** What is to be pressed for it: ours, or the person's own. */
  readonly keysFor = (keys: string): string => this.#choices.own[keys] ?? keys;

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
    if (!isChord && (!this.#choices.singleKeys || isBusy(event.target))) return;
    const sequence = this.#before ? `${this.#before} ${key}` : key;
    const binding = this.#find(sequence) ?? this.#find(key);
    this.#remember(binding ? "" : key);
    if (!binding) return;
    event.preventDefault();
    binding.run();
  };

  #find(keys: string): Binding | undefined {
    return this.#list.find((binding) => this.keysFor(binding.keys) === keys);
  }

  /** A key that begins a sequence is kept for a moment. */
  #remember(key: string): void {
    clearTimeout(this.#timer);
    this.#before = this.#list.some((binding) => this.keysFor(binding.keys).startsWith(`${key} `)) ? key : "";
    if (this.#before) this.#timer = setTimeout(() => (this.#before = ""), SEQUENCE_MS);
  }

  #changed(): void {
    this.#list = [...this.#held].reverse().flat();
    for (const changed of [...this.#watchers]) changed();
  }
}

export function keyOf(event: Pick<KeyboardEvent, "altKey" | "metaKey" | "ctrlKey" | "key">): string {
  if (event.altKey) return "";
  if (event.metaKey || event.ctrlKey) return `mod+${event.key.toLowerCase()}`;
  return event.key.length === 1 ? event.key : event.key.toLowerCase();
}

/** Somebody types, or a dialog is open: letters are for those. */
function isBusy(target: EventTarget | null): boolean {
  if (document.querySelector("[role=dialog], [role=alertdialog], [role=menu]")) return true;
  return target instanceof Element && target.closest(EDITABLE) !== null;
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
