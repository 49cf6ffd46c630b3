// For size-limit: what a browser loads before it shows anything, from Vite's manifest.
import { readFileSync } from "node:fs";

const DIST = "dist/app";

/** The entry and all that it imports at once; with `route`, that route's chunk and imports too. */
export function firstLoad(routes = []) {
  const manifest = JSON.parse(readFileSync(`${DIST}/.vite/manifest.json`, "utf8"));
  const seen = new Set();
  const take = (key) => {
    if (seen.has(key)) return;
    seen.add(key);
    for (const next of manifest[key]?.imports ?? []) take(next);
  };
  take("index.html");
  for (const route of routes) {
    const keys = Object.keys(manifest).filter((key) => key.startsWith(`src/routes/${route}`));
    if (keys.length === 0) throw new Error(`no chunk of the route ${route}`);
    for (const key of keys) take(key);
  }
  return [...seen].map((key) => `${DIST}/${manifest[key].file}`);
}
