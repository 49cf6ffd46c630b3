import { useNavigate } from "@tanstack/react-router";
import { Dialog as Radix } from "radix-ui";
import { lazy, Suspense, useEffect, useState } from "react";

import { useMe } from "@/api/me";
import { useKeymap } from "@/hooks/use-keymap";
import { keymap } from "@/lib/keymap";

import { navFor } from "./nav";

const Palette = lazy(async () => ({ default: (await import("./palette")).Palette }));
const KeyHelp = lazy(async () => ({ default: (await import("./key-help")).KeyHelp }));

/** Opens the palette from elsewhere, as the button in the top bar does. */
export const openPalette = (): void => void dispatchEvent(new Event("palette"));

/** The keys that hold everywhere, the palette and the help sheet. */
export function Keys() {
  const me = useMe();
  const navigate = useNavigate();
  const [finding, setFinding] = useState(false);
  const [helping, setHelping] = useState(false);

  useEffect(() => {
    const find = () => setFinding(true);
    addEventListener("keydown", keymap.onKeyDown);
    addEventListener("palette", find);
    return () => {
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
    { keys: "?", label: "Show the keys", run: () => setHelping(true) },
  ]);
  return (
    <>
      <Radix.Root open={finding} onOpenChange={setFinding}>
        <Radix.Portal>
          <Radix.Overlay className="fixed inset-0 z-40 bg-backdrop" />
          <Radix.Content
            aria-describedby={undefined}
            className="fixed top-[12vh] left-1/2 z-50 w-[min(38rem,calc(100vw-2rem))] -translate-x-1/2 overflow-hidden rounded-dialog bg-surface shadow-float outline-none"
          >
            <Radix.Title className="sr-only">Find anything</Radix.Title>
            <Suspense fallback={<div className="h-12" />}>
              <Palette onClose={() => setFinding(false)} />
            </Suspense>
          </Radix.Content>
        </Radix.Portal>
      </Radix.Root>
      <Suspense>{helping ? <KeyHelp open onOpenChange={setHelping} /> : null}</Suspense>
    </>
  );
}
