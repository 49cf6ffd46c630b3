import { createFileRoute } from "@tanstack/react-router";

import { AdminPage } from "@/features/admin/components/admin-page";
import { adminSearch } from "@/features/admin/search";

export const Route = createFileRoute("/_shell/admin/$section")({
  validateSearch: adminSearch,
  staticData: { crumb: "Admin" },
  component: AdminPage,
});
