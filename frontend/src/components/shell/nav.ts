import type { LinkProps } from "@tanstack/react-router";
import type { LucideIcon } from "lucide-react";

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
  { label: "Work", items: [] },
  { label: "Team", items: [] },
  { label: "Library", items: [] },
  { label: "System", items: [] },
];

export const navFor = (me: Me): NavGroup[] =>
  NAV.map((group) => ({ ...group, items: group.items.filter((item) => item.shown?.(me) ?? true) }))
    .filter((group) => group.items.length > 0);
