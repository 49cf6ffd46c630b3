import { useTheme, type Theme } from "@/components/theme";
import { Card, PageHeader } from "@/components/ui/page-header";

const THEMES: Record<Theme, string> = { system: "As the system", light: "Light", dark: "Dark" };

export function PreferencesSection() {
  const { theme, choose } = useTheme();
  return (
    <>
      <PageHeader title="Preferences">They hold for this browser.</PageHeader>
      <Card>
        <fieldset className="grid gap-2">
          <legend className="mb-1 text-sm font-medium">Theme</legend>
          {(Object.entries(THEMES) as [Theme, string][]).map(([key, word]) => (
            <label key={key} className="flex items-center gap-2 text-sm">
              <input type="radio" name="theme" className="size-4 accent-accent" checked={theme === key} onChange={() => choose(key)} />
              {word}
            </label>
          ))}
        </fieldset>
      </Card>
    </>
  );
}
