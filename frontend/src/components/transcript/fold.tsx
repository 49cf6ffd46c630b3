import { ChevronRight } from "lucide-react";
import { createContext, useContext, useState, type ReactNode } from "react";

import { cn } from "@/lib/cn";

/** What the reader has opened or shut: rows out of view do not exist, but come back as they were. */
export const FoldMemory = createContext<Map<string, boolean>>(new Map());

interface FoldProps {
  id: string;
  summary: ReactNode;
  /** Open until the reader says otherwise. */
  startsOpen?: boolean;
  className?: string;
  children: () => ReactNode;
}

/** A part that opens on demand. What is shut is not drawn. */
export function Fold({ id, summary, startsOpen = false, className, children }: FoldProps) {
  const memory = useContext(FoldMemory);
  const [said, setSaid] = useState(memory.get(id));
  const open = said ?? startsOpen;
  const toggle = (): void => {
    memory.set(id, !open);
    setSaid(!open);
  };
  return (
    <div className={className}>
      <button
        type="button"
        aria-expanded={open}
        onClick={toggle}
        className="flex min-h-8 w-full min-w-0 items-center gap-2 rounded-control px-2 text-left text-sm hover:bg-sunken touch:min-h-11"
      >
        <ChevronRight aria-hidden className={cn("size-3.5 shrink-0 text-muted transition-transform", open && "rotate-90")} />
        {summary}
      </button>
      {open ? <div className="pt-1 pr-2 pb-2 pl-7.5">{children()}</div> : null}
    </div>
  );
}
