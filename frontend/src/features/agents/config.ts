/** One key of an agent's `config.yml` as an editor shows it. */
export interface Setting {
  key: string;
  value: unknown;
  /** Where the value in force comes from. */
  from: "file" | "database" | "default";
}

type Layers = Record<string, unknown>;

const has = (layers: Layers, key: string): boolean =>
  Object.values(layers).some((layer) => typeof layer === "object" && layer !== null && key in layer) || key in layers;

export function settingsOf(config: Layers, layers: Layers, overrides: Layers): Setting[] {
  return Object.entries(config)
    .map(([key, value]) => {
      const from: Setting["from"] = key in overrides ? "database" : has(layers, key) ? "file" : "default";
      return { key, value, from };
    })
    .sort((a, b) => a.key.localeCompare(b.key));
}

/** A value as one line of text, and back. Lists and objects are JSON. */
export const asText = (value: unknown): string => {
  if (value === null || value === undefined) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
};

/** Read what was typed as the kind of value that stood there. Throws on JSON that is none. */
export function fromText(text: string, before: unknown): unknown {
  if (text === "") return null;
  if (typeof before === "string") return text;
  if (before === null || before === undefined) {
    try {
      return JSON.parse(text) as unknown;
    } catch {
      return text;
    }
  }
  return JSON.parse(text) as unknown;
}
