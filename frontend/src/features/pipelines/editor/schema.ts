// What the served JSON Schema says about a place in a pipeline.

import type { Path } from "./place";

export interface Schema {
  type?: string | string[];
  description?: string;
  properties?: Record<string, Schema>;
  additionalProperties?: Schema | boolean;
  items?: Schema;
  anyOf?: Schema[];
  enum?: string[];
  required?: string[];
}

/** The schema at a path; undefined where it says nothing. */
export function schemaAt(schema: Schema, path: Path): Schema | undefined {
  let here: Schema | undefined = mapping(schema);
  for (const part of path) {
    if (!here) return undefined;
    const more: Schema | undefined = typeof here.additionalProperties === "object" ? here.additionalProperties : undefined;
    const next: Schema | undefined = typeof part === "number" ? here.items : here.properties?.[part] ?? more;
    here = next && mapping(next);
  }
  return here;
}

/** Of several forms the one with keys. */
function mapping(schema: Schema): Schema {
  return schema.anyOf?.find((form) => form.properties) ?? schema;
}

export interface Offer {
  label: string;
  detail: string;
  info: string;
  apply: string;
}

/** Keys that may stand in the mapping at a path and are not there yet. */
export function keyOffers(schema: Schema, path: Path, present: ReadonlySet<string>): Offer[] {
  const here = schemaAt(schema, path);
  const required = new Set(here?.required ?? []);
  return Object.entries(here?.properties ?? {}).filter(([key]) => !present.has(key)).map(([key, inner]) => ({
    label: key,
    detail: [typeWord(inner), required.has(key) ? "required" : ""].filter(Boolean).join(", "),
    info: inner.description ?? "",
    apply: `${key}: `,
  }));
}

/** Values of a key that has a fixed set of them. */
export function valueOffers(schema: Schema, path: Path, key: string): Offer[] {
  const inner = schemaAt(schema, [...path, key]);
  const values = inner?.enum ?? (inner?.type === "boolean" ? ["true", "false"] : []);
  return values.map((value) => ({ label: value, detail: "", info: inner?.description ?? "", apply: value }));
}

function typeWord(schema: Schema): string {
  if (schema.enum) return schema.enum.join(" | ");
  if (schema.anyOf) return "";
  return Array.isArray(schema.type) ? schema.type.join(" or ") : schema.type ?? "";
}
