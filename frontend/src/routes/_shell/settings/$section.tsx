import { createFileRoute } from "@tanstack/react-router";

import { SettingsPage } from "@/features/settings/components/settings-page";
import { settingsSearch } from "@/features/settings/search";

export const Route = createFileRoute("/_shell/settings/$section")({
  validateSearch: settingsSearch,
  staticData: { crumb: "Settings" },
  component: SettingsPage,
});
