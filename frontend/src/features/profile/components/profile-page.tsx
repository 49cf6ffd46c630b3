import { getRouteApi, Link } from "@tanstack/react-router";
import type { JSX } from "react";

import { Page } from "@/components/ui/page-header";
import { NotFound } from "@/components/ui/problem-panel";
import { TabNav, tabStyle } from "@/components/ui/tabs";

import { isSection, SECTIONS, type ProfileSection } from "../search";
import { InfoSection } from "./info-section";
import { KeysSection } from "./keys-section";
import { PreferencesSection } from "./preferences-section";
import { SecuritySection } from "./security-section";
import { SessionsSection } from "./sessions-section";

const route = getRouteApi("/_shell/profile/$section");

const PARTS: Record<ProfileSection, () => JSX.Element> = {
  info: InfoSection,
  security: SecuritySection,
  sessions: SessionsSection,
  keys: KeysSection,
  preferences: PreferencesSection,
};

export function ProfilePage() {
  const { section } = route.useParams();
  if (!isSection(section)) return <NotFound />;
  const Part = PARTS[section];
  return (
    <Page className="mx-0 max-w-[1000px]">
      <TabNav aria-label="Profile" className="mb-4">
        {(Object.entries(SECTIONS) as [ProfileSection, string][]).map(([key, word]) => (
          <Link key={key} to="/profile/$section" params={{ section: key }} className={tabStyle}>
            {word}
          </Link>
        ))}
        <Link to="/notifications/$section" params={{ section: "rules" }} className={tabStyle}>
          Notifications
        </Link>
      </TabNav>
      <Part />
    </Page>
  );
}
