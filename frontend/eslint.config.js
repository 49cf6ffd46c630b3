import js from "@eslint/js";
import a11y from "eslint-plugin-jsx-a11y";
import hooks from "eslint-plugin-react-hooks";
import globals from "globals";
import { readdirSync } from "node:fs";
import tseslint from "typescript-eslint";

const features = readdirSync(new URL("./src/features", import.meta.url));
const PALETTE =
  "(slate|gray|zinc|neutral|stone|red|orange|amber|yellow|lime|green|emerald|teal|cyan|sky|blue|indigo|violet|purple|fuchsia|pink|rose)-\\d{2,3}|(bg|text|border)-(white|black)\\b";

export default tseslint.config(
  { ignores: ["dist", "static", "templates", "tests", "**/*.gen.ts", "node_modules"] },
  js.configs.recommended,
  tseslint.configs.strictTypeChecked,
  a11y.flatConfigs.recommended,
  hooks.configs.flat["recommended-latest"],
  {
    languageOptions: {
      globals: globals.browser,
      parserOptions: { projectService: { allowDefaultProject: ["eslint.config.js", ".size-limit.js", "plugins/first-load.mjs"] }, tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      "no-restricted-syntax": [
        "error",
        { selector: `Literal[value=/${PALETTE}/]`, message: "Use a token: see src/styles/tokens.css." },
        { selector: `TemplateElement[value.raw=/${PALETTE}/]`, message: "Use a token: see src/styles/tokens.css." },
      ],
      "no-restricted-globals": ["error", "alert", "confirm", "prompt"],
      "no-console": "error",
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true }],
      "@typescript-eslint/no-confusing-void-expression": "off",
      "@typescript-eslint/no-unnecessary-type-conversion": "off", // what the API says may be text tomorrow
      "@typescript-eslint/no-deprecated": "off", // `ensureQueryData` is, in favour of one not yet documented
      "@typescript-eslint/only-throw-error": ["error", { allow: [{ from: "package", name: "Redirect", package: "@tanstack/router-core" }, { from: "package", name: "NotFoundError", package: "@tanstack/router-core" }], allowRethrowing: true }],
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
    },
  },
  { files: ["**/*.test.{ts,tsx}"], rules: { "@typescript-eslint/no-non-null-assertion": "off" } },
  // Pages and dialogs that are one form: its first field is where one wants to be.
  { files: ["src/features/auth/**", "src/components/{reauthentication,shell/palette}.tsx"], rules: { "jsx-a11y/no-autofocus": "off" } },
  // Shared code knows no feature; a feature knows no other and no route.
  {
    files: ["src/{api,components,hooks,lib,live}/**"],
    rules: { "no-restricted-imports": ["error", { patterns: ["@/features/*", "@/routes/*"] }] },
  },
  ...features.map((feature) => ({
    files: [`src/features/${feature}/**`],
    rules: {
      "no-restricted-imports": [
        "error",
        { patterns: ["@/routes/*", ...features.filter((other) => other !== feature).map((other) => `@/features/${other}/*`)] },
      ],
    },
  })),
  { files: ["eslint.config.js", ".size-limit.js", "plugins/*.mjs"], extends: [tseslint.configs.disableTypeChecked], languageOptions: { globals: globals.node } },
);
