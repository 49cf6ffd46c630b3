export const SECTIONS = {
  info: "About you",
  security: "Security",
  sessions: "Sessions",
  keys: "API keys",
  preferences: "Preferences",
} as const;
export type ProfileSection = keyof typeof SECTIONS;

export const isSection = (name: string): name is ProfileSection => Object.hasOwn(SECTIONS, name);
