import { z } from "zod";

export const pipelineSearch = z.object({
  tab: z.enum(["graph", "yaml", "problems", "runs", "history"]).optional().catch(undefined),
  step: z.string().min(1).max(200).optional().catch(undefined),
  /** The line that the editor shows, counted from 1. */
  line: z.number().int().min(1).optional().catch(undefined),
});
export type PipelineSearch = z.infer<typeof pipelineSearch>;
