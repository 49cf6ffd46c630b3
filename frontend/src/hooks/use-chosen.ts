import { useState } from "react";

/** A set of choices that boxes switch on and off. */
export function useChosen<Value>(first: readonly Value[]) {
  const [chosen, setChosen] = useState<ReadonlySet<Value>>(new Set(first));
  const choose = (value: Value, on: boolean) =>
    setChosen((old) => {
      const next = new Set(old);
      if (on) next.add(value);
      else next.delete(value);
      return next;
    });
  return { chosen, choose };
}
