import { Link } from "@tanstack/react-router";

import { useMe } from "@/api/me";
import { TabNav, tabStyle } from "@/components/ui/tabs";

import { SECTIONS, type NotificationSection } from "../search";

/** The inbox, and where one hears of what. */
export function NotificationsNav() {
  const me = useMe();
  const shown = (Object.entries(SECTIONS) as [NotificationSection, string][]).filter(([key]) => key !== "announce" || me.is_admin);
  return (
    <TabNav aria-label="Notifications" className="mb-4">
      <Link to="/notifications" className={tabStyle} activeOptions={{ exact: true, includeSearch: false }}>
        Inbox
      </Link>
      {shown.map(([key, word]) => (
        <Link key={key} to="/notifications/$section" params={{ section: key }} className={tabStyle}>
          {word}
        </Link>
      ))}
    </TabNav>
  );
}
