import { ConnectionDot } from "./connection-dot";
import { SpendToday } from "./spend-today";
import { Trail } from "./trail";
import { UserMenu } from "./user-menu";

/** Where one is, and how the whole stands. */
export function TopBar() {
  return (
    <div className="sticky top-0 z-30 flex h-12 shrink-0 items-center gap-2 border-b bg-surface px-4">
      <Trail />
      <div className="ml-auto flex shrink-0 items-center gap-2">
        <SpendToday />
        <ConnectionDot />
        <UserMenu />
      </div>
    </div>
  );
}
