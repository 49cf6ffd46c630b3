import { useEffect, useRef, useSyncExternalStore } from "react";

import { keymap, type Binding } from "@/lib/keymap";

/**
 * Keys of a page or part, while it is there. They appear in the `?` sheet, and in the palette as
 * actions. Only the keys and labels decide whether they are registered anew; `run` is the latest.
 *
 *     useKeymap("Run", [{ keys: "s", label: "Stop run", run: () => setStopping(true) }]);
 */
export function useKeymap(group: string, bindings: Omit<Binding, "group">[]): void {
  const latest = useRef(bindings);
  useEffect(() => {
    latest.current = bindings;
  });
  const signature = JSON.stringify(bindings.map(({ keys, label }) => [keys, label]));
  useEffect(() => {
    const names = JSON.parse(signature) as [string, string][];
    return keymap.hold(
      names.map(([keys, label]) => ({
        keys,
        label,
        group,
        run: () => latest.current.find((binding) => binding.keys === keys)?.run(),
      })),
    );
  }, [group, signature]);
}

export const useBindings = (): Binding[] =>
  useSyncExternalStore(keymap.watch, keymap.bindings, keymap.bindings);
