// Comments on lines of a difference: written down here first, then sent as one.

import { createContext, useCallback, useState } from "react";
import * as z from "zod/mini";

const comment = z.object({
  path: z.string(),
  /** Of the text afterwards; of the text before where the line was taken away. */
  line: z.number(),
  removed: z.boolean(),
  quote: z.string(),
  text: z.string(),
});
export type Comment = z.infer<typeof comment>;
const comments = z.array(comment);

export interface Review {
  comments: readonly Comment[];
  /** Open the form for a line. */
  ask: (place: Omit<Comment, "text">) => void;
}

/** Null: lines are only read. */
export const ReviewContext = createContext<Review | null>(null);

const keyOf = (runId: string): string => `djinnbot.review.${runId}`;

export function readReview(runId: string, storage: Pick<Storage, "getItem">): Comment[] {
  try {
    return comments.parse(JSON.parse(storage.getItem(keyOf(runId)) ?? "[]"));
  } catch {
    return []; // written by something else
  }
}

/** The comments on a run that were not sent yet. They are kept in this browser. */
export function useReview(runId: string): [Comment[], (comments: Comment[]) => void] {
  const [kept, setKept] = useState(() => readReview(runId, localStorage));
  const keep = useCallback((next: Comment[]): void => {
    setKept(next);
    if (next.length > 0) localStorage.setItem(keyOf(runId), JSON.stringify(next));
    else localStorage.removeItem(keyOf(runId));
  }, [runId]);
  return [kept, keep];
}

/** What an agent is told: each comment with its place and the line it is about. */
export function reviewText(review: readonly Comment[]): string {
  const parts = review.toSorted((a, b) => a.path.localeCompare(b.path) || a.line - b.line).map(({ path, line, removed, quote, text }) =>
    `${path}:${line}${removed ? " (a line that was removed)" : ""}\n> ${quote.trim().slice(0, 200)}\n${text}`);
  return `Comments on the changes:\n\n${parts.join("\n\n")}`;
}
