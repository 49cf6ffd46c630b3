import { z } from "zod";

const part = z.object({
  name: z.string(),
  characters: z.number().optional(),
  tokens: z.number().optional(),
  cut: z.number().optional(),
});
export type PromptPart = z.infer<typeof part>;

/** The parts that a prompt was made of, as the session keeps them; others are left out. */
export const promptParts = (raw: readonly unknown[]): PromptPart[] =>
  raw.flatMap((each) => {
    const read = part.safeParse(each);
    return read.success ? [read.data] : [];
  });
