import { expect, it } from "vitest";

import { toolRows } from "./tools-tab";

it("gives each tool its state and the reason of it", () => {
  const rows = toolRows(["bash", "read"], {
    overrides: [
      { tool_name: "bash", enabled: false, updated_at: "2026-01-01T00:00:00Z" },
      { tool_name: "web", enabled: true, updated_at: "2026-01-01T00:00:00Z" },
    ],
    disabled: ["bash", "browser"],
  });
  expect(rows.map((row) => [row.name, row.enabled, row.why])).toEqual([
    ["bash", false, "switched off here"],
    ["browser", false, "switched off"],
    ["read", true, "config.yml"],
    ["web", true, "switched on here"],
  ]);
});
