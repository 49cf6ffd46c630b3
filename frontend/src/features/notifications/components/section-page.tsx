import { getRouteApi } from "@tanstack/react-router";
import type { JSX } from "react";

import { useMe } from "@/api/me";
import { Page } from "@/components/ui/page-header";
import { NotFound } from "@/components/ui/problem-panel";

import { isSection, type NotificationSection } from "../search";
import { AnnounceSection } from "./announce-section";
import { NotificationsNav } from "./notifications-nav";
import { RulesSection } from "./rules-section";
import { WebhooksSection } from "./webhooks-section";

const route = getRouteApi("/_shell/notifications/$section");

const PARTS: Record<NotificationSection, () => JSX.Element> = {
  rules: RulesSection,
  webhooks: WebhooksSection,
  announce: AnnounceSection,
};

export function NotificationSectionPage() {
  const me = useMe();
  const { section } = route.useParams();
  if (!isSection(section) || (section === "announce" && !me.is_admin)) return <NotFound />;
  const Part = PARTS[section];
  return (
    <Page className="mx-0 max-w-[1000px]">
      <NotificationsNav />
      <Part />
    </Page>
  );
}
