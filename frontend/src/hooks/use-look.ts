import { useSetPreferences } from "@/api/preferences";
import { useTheme, type Density, type Theme } from "@/components/theme";

/** Theme and density, kept with the account when they are chosen. */
export function useLook() {
  const look = useTheme();
  const keep = useSetPreferences();
  return {
    ...look,
    choose: (theme: Theme) => {
      look.choose(theme);
      keep({ theme });
    },
    chooseDensity: (density: Density) => {
      look.chooseDensity(density);
      keep({ density });
    },
  };
}
