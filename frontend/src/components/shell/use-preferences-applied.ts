import { useEffect } from "react";

import { usePreferences } from "@/api/preferences";
import { useTheme } from "@/components/theme";
import { keymap } from "@/lib/keymap";

/** What the account says holds in this browser too. */
export function usePreferencesApplied(): void {
  const { theme, density, single_keys_off = false, keys } = usePreferences();
  const { choose, chooseDensity } = useTheme();
  useEffect(() => {
    if (theme) choose(theme);
  }, [theme, choose]);
  useEffect(() => {
    if (density) chooseDensity(density);
  }, [density, chooseDensity]);
  const own = JSON.stringify(keys ?? {});
  useEffect(() => {
    keymap.configure({ singleKeys: !single_keys_off, own: JSON.parse(own) as Record<string, string> });
  }, [single_keys_off, own]);
}
