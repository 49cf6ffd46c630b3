import type { LinkProps } from "@tanstack/react-router";
import { Activity, ChartColumn, FlaskConical, House, Inbox, Play, Settings, ShieldCheck, Users, Workflow, type LucideIcon } from "lucide-react";

import type { Me } from "@/api/me";

export interface NavItem {
  to: NonNullable<LinkProps["to"]>;
  label: string;
  icon: LucideIcon;
  /** The second key after `g`. */
  key?: string;
  /** Only `/` itself, not what lies below. */
  exact?: boolean;
  /** Who sees it. All, when left out. */
  shown?: (me: Me) => boolean;
  /** In the bottom bar of a phone; the others are under “More”. */
  phone?: boolean;
}

export interface NavGroup {
  label: string;
  items: NavItem[];
}

/** The rail, top to bottom. A page that has a place in it adds one line here. */
export const NAV: NavGroup[] = [
  {
    label: "Work",
    items: [
      { to: "/", label: "Home", icon: House, key: "h", exact: true, phone: true },
      { to: "/decisions", label: "Decisions", icon: Inbox, key: "d", phone: true },
      { to: "/runs", label: "Runs", icon: Play, key: "r", phone: true },
      { to: "/activity", label: "Activity", icon: Activity, key: "t" },
    ],
  },
  { label: "Team", items: [{ to: "/agents", label: "Agents", icon: Users, key: "a", phone: true }] },
  { label: "Library", items: [
      { to: "/pipelines", label: "Pipelines", icon: Workflow, key: "l" },
      { to: "/evals", label: "Evaluations", icon: FlaskConical, key: "e" },
    ] },
  {
    label: "System",
    items: [
      { to: "/usage", label: "Usage", icon: ChartColumn, key: "u", shown: (me) => me.scopes.includes("usage:read") },
      { to: "/settings", label: "Settings", icon: Settings, key: "s" },
      { to: "/admin", label: "Admin", icon: ShieldCheck, shown: (me) => me.is_admin },
    ],
  },
];

export const navFor = (me: Me): NavGroup[] =>
  NAV.map((group) => ({ ...group, items: group.items.filter((item) => item.shown?.(me) ?? true) }))
    .filter((group) => group.items.length > 0);
