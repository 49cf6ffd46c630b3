import * as z from "zod/mini";

const part = z.object({
  name: z.string(),
  characters: z.optional(z.number()),
  tokens: z.optional(z.number()),
  cut: z.optional(z.number()),
});
export type PromptPart = z.infer<typeof part>;

/** The parts that a prompt was made of, as the session keeps them; others are left out. */
export const promptParts = (raw: readonly unknown[]): PromptPart[] =>
  raw.flatMap((each) => {
    const read = part.safeParse(each);
    return read.success ? [read.data] : [];
  });
