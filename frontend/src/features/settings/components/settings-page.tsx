import { getRouteApi, Link } from "@tanstack/react-router";
import type { JSX } from "react";

import { Page } from "@/components/ui/page-header";
import { NotFound } from "@/components/ui/problem-panel";
import { TabNav, tabStyle } from "@/components/ui/tabs";

import { isSection, SECTIONS, type SettingsSection } from "../search";
import { ModelsSection } from "./models-section";
import { ProvidersSection } from "./providers-section";
import { SecretsSection } from "./secrets-section";

const route = getRouteApi("/_shell/settings/$section");

const PARTS: Record<SettingsSection, () => JSX.Element> = {
  providers: ProvidersSection,
  models: ModelsSection,
  secrets: SecretsSection,
};

export function SettingsPage() {
  const { section } = route.useParams();
  if (!isSection(section)) return <NotFound />;
  const Part = PARTS[section];
  return (
    <Page>
      <TabNav aria-label="Settings" className="mb-4">
        {(Object.entries(SECTIONS) as [SettingsSection, string][]).map(([key, word]) => (
          <Link key={key} to="/settings/$section" params={{ section: key }} search={{}} className={tabStyle} activeOptions={{ includeSearch: false }}>
            {word}
          </Link>
        ))}
      </TabNav>
      <Part />
    </Page>
  );
}
