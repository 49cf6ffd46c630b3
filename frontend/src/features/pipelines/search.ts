import * as z from "zod/mini";

import { optional } from "@/lib/search";

export const pipelineSearch = z.object({
  tab: optional(z.enum(["graph", "yaml", "problems", "runs", "history"])),
  step: optional(z.string().check(z.minLength(1), z.maxLength(200))),
  /** The line that the editor shows, counted from 1. */
  line: optional(z.int().check(z.gte(1))),
});
export type PipelineSearch = z.infer<typeof pipelineSearch>;
