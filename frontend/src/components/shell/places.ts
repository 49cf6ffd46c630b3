import type { Me } from "@/api/me";

export interface Place {
  path: string;
  title: string;
}

const SETTINGS: Place[] = [
  { path: "/settings/providers", title: "Settings: providers" },
  { path: "/settings/models", title: "Settings: models and fallbacks" },
  { path: "/settings/secrets", title: "Settings: secrets" },
  { path: "/profile/info", title: "Profile: about you" },
  { path: "/profile/security", title: "Profile: security" },
  { path: "/profile/sessions", title: "Profile: sessions" },
  { path: "/profile/keys", title: "Profile: API keys" },
  { path: "/profile/preferences", title: "Profile: preferences" },
  { path: "/notifications", title: "Notifications" },
  { path: "/notifications/rules", title: "Notifications: rules" },
  { path: "/notifications/webhooks", title: "Notifications: webhooks" },
  { path: "/about", title: "About this instance" },
];
const SPENDING: Place[] = [
  { path: "/usage/calls", title: "Usage: model calls" },
  { path: "/usage/costs", title: "Usage: forecast and cost" },
  { path: "/usage/budgets", title: "Usage: budgets" },
];
const ADMIN: Place[] = [
  { path: "/admin/health", title: "Admin: health" },
  { path: "/admin/workers", title: "Admin: workers" },
  { path: "/admin/users", title: "Admin: people" },
  { path: "/admin/invites", title: "Admin: invites" },
  { path: "/admin/waitlist", title: "Admin: waitlist" },
  { path: "/admin/oidc", title: "Admin: identity providers" },
  { path: "/admin/keys", title: "Admin: keys" },
  { path: "/admin/audit", title: "Admin: audit log" },
  { path: "/admin/containers", title: "Admin: boxes" },
  { path: "/admin/storage", title: "Admin: storage" },
  { path: "/notifications/announce", title: "Notifications: announce" },
];

/** Places below those of the navigation, for who may go there. */
export const placesFor = (me: Me): Place[] => [
  ...SETTINGS,
  ...(me.scopes.includes("usage:read") ? SPENDING : []),
  ...(me.is_admin ? ADMIN : []),
];
