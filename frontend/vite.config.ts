import { fileURLToPath } from "node:url";

import tailwindcss from "@tailwindcss/vite";
import { tanstackRouter } from "@tanstack/router-plugin/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

import { compressed } from "./plugins/compressed.ts";
import { stylesInFiles } from "./plugins/styles-in-files.ts";

const api = process.env.DJINNBOT_URL ?? "http://127.0.0.1:8000";

/** What Django gives the dashboard's files. */
export const ASSETS = "/static/app/";

export default defineConfig(({ command }) => ({
  base: command === "build" ? ASSETS : "/",
  plugins: [
    tanstackRouter({ target: "react", autoCodeSplitting: true }),
    react(),
    tailwindcss(),
    stylesInFiles(),
    compressed(),
  ],
  resolve: { alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) } },
  build: {
    outDir: "dist/app",
    target: "es2022",
    manifest: true,
    sourcemap: false,
    reportCompressedSize: false,
    assetsInlineLimit: 0, // the policy for fonts and scripts knows no `data:`
    chunkSizeWarningLimit: 900,
  },
  server: {
    port: 5173,
    strictPort: true,
    proxy: {
      "^/(v1|static|django-admin|accounts|problems|metrics|login/oidc)(/|$)": api,
      "/__csrf": { target: api, rewrite: () => "/" },
      "/ws/": { target: api, ws: true },
    },
  },
}));
