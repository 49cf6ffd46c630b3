import { expect, it } from "vitest";

import type { Me } from "@/api/me";
import { placesFor } from "@/components/shell/places";
import { SECTIONS as ADMIN } from "@/features/admin/search";
import { SECTIONS as NOTIFICATIONS } from "@/features/notifications/search";
import { SECTIONS as PROFILE } from "@/features/profile/search";
import { SECTIONS as SETTINGS } from "@/features/settings/search";

const me = (more: Partial<Me>) => ({ scopes: [], is_admin: false, ...more }) as unknown as Me;
const areas = { admin: ADMIN, notifications: NOTIFICATIONS, profile: PROFILE, settings: SETTINGS };

it("knows every section of every area, and who may go there", () => {
  const sections = Object.entries(areas).flatMap(([area, of]) => Object.keys(of).map((name) => `/${area}/${name}`));
  const found = placesFor(me({ is_admin: true, scopes: ["usage:read"] })).map((place) => place.path);
  expect(found).toEqual(expect.arrayContaining(sections));
  expect(placesFor(me({})).some(({ path }) => /^\/(admin|usage)/.test(path))).toBe(false);
});
