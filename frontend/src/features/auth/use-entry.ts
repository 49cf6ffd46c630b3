import { useState, type FormEvent } from "react";

import { problemOf, type Problem } from "@/api/problem";

interface Entry {
  busy: boolean;
  problem: Problem | null;
  /** Messages of single fields. */
  errors: Record<string, string>;
  /** Do something; what it throws is shown. */
  attempt: (work: () => Promise<unknown>) => Promise<void>;
  onSubmit: (work: (values: FormData) => Promise<unknown>) => (event: FormEvent<HTMLFormElement>) => void;
}

/** A form outside the shell: one action, its problem, and whether it is under way. */
export function useEntry(): Entry {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const attempt = async (work: () => Promise<unknown>) => {
    setBusy(true);
    setProblem(null);
    try {
      await work();
    } catch (error) {
      setProblem(problemOf(error));
    } finally {
      setBusy(false);
    }
  };
  const onSubmit: Entry["onSubmit"] = (work) => (event) => {
    event.preventDefault();
    const form = event.currentTarget;
    void attempt(() => work(new FormData(form)));
  };
  return { busy, problem, errors: problem?.fields ?? {}, attempt, onSubmit };
}

export const entryOf = (values: FormData, name: string): string => (values.get(name) as string | null) ?? "";
