import { Link } from "@tanstack/react-router";
import { CircleUser, Info, LogOut, Monitor, Moon, Sun } from "lucide-react";

import { useMe } from "@/api/me";
import { signOut } from "@/api/sign-out";
import type { Theme } from "@/components/theme";
import { IconButton } from "@/components/ui/button";
import {
  Menu, MenuContent, MenuItem, MenuLabel, MenuRadioGroup, MenuRadioItem, MenuSeparator, MenuTrigger,
} from "@/components/ui/menu";
import { useLook } from "@/hooks/use-look";

const THEMES: [Theme, string, typeof Sun][] = [
  ["system", "As the system", Monitor],
  ["light", "Light", Sun],
  ["dark", "Dark", Moon],
];

export function UserMenu() {
  const me = useMe();
  const { theme, choose } = useLook();
  return (
    <Menu>
      <MenuTrigger asChild>
        <IconButton label={`Account of ${me.display_name || me.username}`}>
          <CircleUser aria-hidden />
        </IconButton>
      </MenuTrigger>
      <MenuContent className="w-60">
        <MenuLabel>
          <span className="block truncate font-medium text-text">{me.display_name || me.username}</span>
          <span className="block truncate">{me.email}</span>
          <span className="block">{me.role}</span>
        </MenuLabel>
        <MenuSeparator />
        <MenuLabel id="theme-label">Theme</MenuLabel>
        <MenuRadioGroup value={theme} onValueChange={(value) => choose(value as Theme)} aria-labelledby="theme-label">
          {THEMES.map(([value, word, Icon]) => (
            <MenuRadioItem key={value} value={value}>
              <Icon aria-hidden />
              {word}
            </MenuRadioItem>
          ))}
        </MenuRadioGroup>
        <MenuSeparator />
        <MenuItem asChild>
          <Link to="/about">
            <Info aria-hidden />
            About this instance
          </Link>
        </MenuItem>
        <MenuItem onSelect={() => void signOut()}>
          <LogOut aria-hidden />
          Sign out
        </MenuItem>
      </MenuContent>
    </Menu>
  );
}
