import { Link } from "@tanstack/react-router";
import { Menu as MenuIcon } from "lucide-react";

import { Menu, MenuContent, MenuItem, MenuLabel, MenuTrigger } from "@/components/ui/menu";

import type { NavGroup } from "./nav";

/** Every place of the navigation, for a phone. */
export function MoreMenu({ groups, className }: { groups: NavGroup[]; className: string }) {
  return (
    <Menu>
      <MenuTrigger className={className}>
        <MenuIcon className="size-5" strokeWidth={1.5} aria-hidden />
        More
      </MenuTrigger>
      <MenuContent className="max-h-[70dvh] w-56 overflow-y-auto">
        {groups.map((group) => (
          <div key={group.label}>
            <MenuLabel>{group.label}</MenuLabel>
            {group.items.map(({ to, label, icon: Icon }) => (
              <MenuItem key={to} asChild>
                <Link to={to}>
                  <Icon aria-hidden />
                  {label}
                </Link>
              </MenuItem>
            ))}
          </div>
        ))}
      </MenuContent>
    </Menu>
  );
}
