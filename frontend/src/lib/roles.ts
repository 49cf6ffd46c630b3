import type { Schemas } from "@/api/client";

export type Role = Schemas["RoleEnum"];

/** What each role may do, in a few words. */
export const ROLES: Record<Role, string> = {
  owner: "Owner: everything",
  admin: "Administrator: everything but what concerns owners",
  member: "Member: own runs, keys and settings",
  viewer: "Viewer: reads, starts nothing",
};
export const ROLE_WORDS: Record<Role, string> = {
  owner: "Owner",
  admin: "Administrator",
  member: "Member",
  viewer: "Viewer",
};

/** The roles that somebody may give to others: owners are made by owners. */
export const rolesFrom = (role: string, words: Record<Role, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(words).filter(([each]) => each !== "owner" || role === "owner"));
