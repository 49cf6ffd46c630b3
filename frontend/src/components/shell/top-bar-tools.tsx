import { Bell } from "@/components/notifications/bell";

import { ConnectionDot } from "./connection-dot";
import { JobTray } from "./job-tray";
import { UserMenu } from "./user-menu";

/** What opens at the right of the top bar. It comes after the page: nobody waits for it. */
export function TopBarTools() {
  return (
    <>
      <JobTray />
      <ConnectionDot />
      <Bell />
      <UserMenu />
    </>
  );
}
