import { useNavigate } from "@tanstack/react-router";
import { lazy, Suspense, useEffect, useState } from "react";

import { useMe } from "@/api/me";
import { useKeymap } from "@/hooks/use-keymap";
import { keymap } from "@/lib/keymap";

import { navFor } from "./nav";
import { moveRow, moveTab, rowActions, selectRow } from "./row-keys";

const palette = () => import("./palette");
const Palette = lazy(async () => ({ default: (await palette()).Palette }));
const KeyHelp = lazy(async () => ({ default: (await import("./key-help")).KeyHelp }));

const WARM_MS = 2_000; // after the page: then the palette is there at once

/** Opens the palette from elsewhere, as the button in the top bar does. */
export const openPalette = (): void => void dispatchEvent(new Event("palette"));

/** The first field that finds or filters on the page; the palette where there is none. */
function focusFilter(): void {
  const field = document.querySelector<HTMLElement>("main input[type=search], main [data-filter]");
  if (field) field.focus();
  else openPalette();
}

/** The keys that hold everywhere, the palette and the help sheet. */
export function Keys() {
  const me = useMe();
  const navigate = useNavigate();
  const [finding, setFinding] = useState(false);
  const [helping, setHelping] = useState(false);

  useEffect(() => {
    const find = () => setFinding(true);
    const warm = setTimeout(() => void palette(), WARM_MS);
    addEventListener("keydown", keymap.onKeyDown);
    addEventListener("palette", find);
    return () => {
      clearTimeout(warm);
      removeEventListener("keydown", keymap.onKeyDown);
      removeEventListener("palette", find);
    };
  }, []);

  const pages = navFor(me).flatMap(({ items }) => items.filter(({ key }) => key));
  useKeymap(
    "Go to",
    pages.map(({ to, label, key }) => ({ keys: `g ${key}`, label, run: () => void navigate({ to }) })),
  );
  useKeymap("Everywhere", [
    { keys: "mod+k", label: "Find anything", run: () => setFinding(true) },
    { keys: "/", label: "Find on this page", run: focusFilter },
    { keys: "?", label: "Show the keys", run: () => setHelping(true) },
  ]);
  useKeymap("Lists and tabs", [
    { keys: "j", label: "Next row", run: () => moveRow(1) },
    { keys: "k", label: "Previous row", run: () => moveRow(-1) },
    { keys: "x", label: "Choose this row", run: selectRow },
    { keys: ".", label: "Buttons of this row", run: rowActions },
    { keys: "[", label: "Previous tab", run: () => moveTab(-1) },
    { keys: "]", label: "Next tab", run: () => moveTab(1) },
  ]);
  return (
    <Suspense>
      {finding ? <Palette onClose={() => setFinding(false)} /> : null}
      {helping ? <KeyHelp open onOpenChange={setHelping} /> : null}
    </Suspense>
  );
}
