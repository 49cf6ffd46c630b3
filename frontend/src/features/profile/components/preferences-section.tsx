import { usePreferences, useSetPreferences } from "@/api/preferences";
import type { Density, Theme } from "@/components/theme";
import { Switch } from "@/components/ui/checkbox";
import { Card, PageHeader } from "@/components/ui/page-header";
import { useLook } from "@/hooks/use-look";

const THEMES: Record<Theme, string> = { system: "As the system", light: "Light", dark: "Dark" };
const DENSITIES: Record<Density, string> = { compact: "Compact", comfortable: "Comfortable" };

export function PreferencesSection() {
  const { theme, choose, density, chooseDensity } = useLook();
  const { single_keys_off: keysOff = false } = usePreferences();
  const keep = useSetPreferences();
  return (
    <>
      <PageHeader title="Preferences">They are kept with your account, and hold in every browser.</PageHeader>
      <Card className="grid gap-6">
        <Choices name="theme" legend="Theme" options={THEMES} chosen={theme} onChoose={choose} />
        <Choices name="density" legend="Rows of tables" options={DENSITIES} chosen={density} onChoose={chooseDensity} />
        <Switch
          label="Keys of a single letter"
          hint="Such as n for a new run, or g h for home. ? lists them, and lets you choose others. Those with Ctrl or ⌘ hold in any case."
          checked={!keysOff}
          onCheckedChange={(on) => keep({ single_keys_off: !on })}
        />
      </Card>
    </>
  );
}

interface ChoicesProps<Value extends string> {
  name: string;
  legend: string;
  options: Record<Value, string>;
  chosen: Value;
  onChoose: (value: Value) => void;
}

function Choices<Value extends string>({ name, legend, options, chosen, onChoose }: ChoicesProps<Value>) {
  return (
    <fieldset className="grid gap-2">
      <legend className="mb-1 text-sm font-medium">{legend}</legend>
      {(Object.entries(options) as [Value, string][]).map(([key, word]) => (
        <label key={key} className="flex items-center gap-2 text-sm">
          <input type="radio" name={name} className="size-4 accent-accent" checked={chosen === key} onChange={() => onChoose(key)} />
          {word}
        </label>
      ))}
    </fieldset>
  );
}
