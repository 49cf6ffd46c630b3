import { useRouterState } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";

import { rememberPage } from "./recent";

const SETTLED_MS = 100;

/** After a change of page, focus goes to the content, readers hear the new title, the palette knows. */
export function RouteAnnouncer() {
  const path = useRouterState({ select: (state) => state.resolvedLocation?.pathname });
  const before = useRef(path);
  const [title, setTitle] = useState("");
  useEffect(() => {
    if (before.current === path) return undefined;
    const first = before.current === undefined;
    before.current = path;
    const timer = setTimeout(() => {
      if (path) rememberPage({ path, title: document.title.replace(/ · DjinnBot$/, "") });
      if (first) return;
      const focused = document.activeElement;
      const lost = !focused || focused === document.body || !focused.closest("main, [role=dialog]");
      if (lost) document.getElementById("main")?.focus({ preventScroll: true });
      setTitle(document.title);
    }, SETTLED_MS);
    return () => clearTimeout(timer);
  }, [path]);
  return (
    <p role="status" aria-live="polite" className="sr-only">
      {title}
    </p>
  );
}
