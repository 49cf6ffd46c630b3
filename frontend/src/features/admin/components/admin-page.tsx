import { getRouteApi, Link } from "@tanstack/react-router";
import type { JSX } from "react";

import { useMe } from "@/api/me";
import { Page } from "@/components/ui/page-header";
import { NotFound } from "@/components/ui/problem-panel";
import { TabNav, tabStyle } from "@/components/ui/tabs";

import { isSection, SECTIONS, type AdminSection } from "../search";
import { AuditSection } from "./audit-section";
import { ContainersSection } from "./containers-section";
import { HealthSection } from "./health-section";
import { InvitesSection } from "./invites-section";
import { KeysSection } from "./keys-section";
import { OidcSection } from "./oidc-section";
import { StorageSection } from "./storage-section";
import { UsersSection } from "./users-section";
import { WaitlistSection } from "./waitlist-section";
import { WorkersSection } from "./workers-section";

const route = getRouteApi("/_shell/admin/$section");

const PARTS: Record<AdminSection, () => JSX.Element> = {
  health: HealthSection,
  workers: WorkersSection,
  users: UsersSection,
  invites: InvitesSection,
  waitlist: WaitlistSection,
  oidc: OidcSection,
  keys: KeysSection,
  audit: AuditSection,
  containers: ContainersSection,
  storage: StorageSection,
};

export function AdminPage() {
  const me = useMe();
  const { section } = route.useParams();
  if (!me.is_admin || !isSection(section)) return <NotFound />;
  const Part = PARTS[section];
  return (
    <Page>
      <TabNav aria-label="Administration" className="mb-4">
        {(Object.entries(SECTIONS) as [AdminSection, string][]).map(([key, word]) => (
          <Link key={key} to="/admin/$section" params={{ section: key }} search={{}} className={tabStyle} activeOptions={{ includeSearch: false }}>
            {word}
          </Link>
        ))}
      </TabNav>
      <Part />
    </Page>
  );
}
