import { Search } from "lucide-react";
import { lazy, Suspense } from "react";

import { useMe } from "@/api/me";
import { Kbd } from "@/components/ui/badge";
import { Button, IconButton } from "@/components/ui/button";
import { keyCaps } from "@/lib/keymap";

import { openPalette } from "./keys";
import { SpendToday } from "./spend-today";
import { Trail } from "./trail";

const TopBarTools = lazy(async () => ({ default: (await import("./top-bar-tools")).TopBarTools }));

/** Where one is, and how the whole stands. */
export function TopBar() {
  const seesMoney = useMe().scopes.includes("usage:read");
  return (
    <div className="sticky top-0 z-30 flex h-12 shrink-0 items-center gap-2 border-b bg-surface px-4">
      <Trail />
      <div className="ml-auto flex shrink-0 items-center gap-2">
        <Button size="sm" className="text-muted max-lg:hidden" onClick={openPalette}>
          <Search aria-hidden />
          Find
          {keyCaps("mod+k").map((cap) => (
            <Kbd key={cap}>{cap}</Kbd>
          ))}
        </Button>
        <IconButton label="Find anything" className="lg:hidden" onClick={openPalette}>
          <Search aria-hidden />
        </IconButton>
        {seesMoney ? <SpendToday /> : null}
        <Suspense fallback={<span className="h-8 w-28 sm:w-36" />}>
          <TopBarTools />
        </Suspense>
      </div>
    </div>
  );
}
