import { createFileRoute } from "@tanstack/react-router";

import { ProfilePage } from "@/features/profile/components/profile-page";
import { profileSearch } from "@/features/profile/search";

export const Route = createFileRoute("/_shell/profile/$section")({
  validateSearch: profileSearch,
  staticData: { crumb: "Profile" },
  component: ProfilePage,
});
