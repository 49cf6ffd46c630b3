import type { Plugin } from "vite";

const SONNER = /node_modules\/sonner\/dist\/index\.mjs/;
const INJECTED = /^__insertCSS\(.*\);$/m;

/**
 * Sonner writes a `<style>` into the page, which the content security policy refuses. Its rules
 * come from `sonner/dist/styles.css` instead, with our own.
 */
export function stylesInFiles(): Plugin {
  return {
    name: "styles-in-files",
    enforce: "pre",
    transform(code, id) {
      if (!SONNER.test(id)) return null;
      if (!INJECTED.test(code)) throw new Error("sonner has changed: its styles are not found");
      return { code: code.replace(INJECTED, ""), map: null };
    },
  };
}
