import { useEffect, useRef } from "react";

type Does = (event: KeyboardEvent) => unknown;

/** Single keys mean nothing in fields and dialogs. */
export function isTyping(event: KeyboardEvent): boolean {
  const { target } = event;
  return target instanceof Element && Boolean(target.closest("input, textarea, select, [contenteditable], [role=dialog], [role=alertdialog], [role=menu]"));
}

/** Single keys of a page. What answers `false` leaves the key to the browser. */
export function usePageKeys(keys: Record<string, Does>): void {
  const latest = useRef(keys);
  useEffect(() => {
    latest.current = keys;
  });
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (event.metaKey || event.ctrlKey || event.altKey || event.defaultPrevented || isTyping(event)) return;
      const does = latest.current[event.key];
      if (does && does(event) !== false) event.preventDefault();
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, []);
}
