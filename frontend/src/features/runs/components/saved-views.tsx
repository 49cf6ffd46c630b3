import { Bookmark, X } from "lucide-react";
import { useState } from "react";
import * as z from "zod/mini";

import { Button, IconButton } from "@/components/ui/button";
import { Input } from "@/components/ui/input";
import { Popover, PopoverContent, PopoverTrigger } from "@/components/ui/popover";

import { runListSearch, type RunListSearch } from "../search";

const KEY = "djinnbot.runs.views";
const views = z.array(z.object({ name: z.string().check(z.minLength(1), z.maxLength(60)), search: runListSearch }));
type View = z.infer<typeof views>[number];

export function readViews(storage: Pick<Storage, "getItem">): View[] {
  try {
    return views.parse(JSON.parse(storage.getItem(KEY) ?? "[]"));
  } catch {
    return []; // written by something else
  }
}

const sameView = (a: RunListSearch, b: RunListSearch): boolean => JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
const sorted = (search: RunListSearch) => Object.entries(JSON.parse(JSON.stringify(search)) as RunListSearch).sort();

/** Filters under a name. They are kept in this browser. */
export function SavedViews({ search, onOpen }: { search: RunListSearch; onOpen: (search: RunListSearch) => void }) {
  const [saved, setSaved] = useState(() => readViews(localStorage));
  const [name, setName] = useState("");
  const [open, setOpen] = useState(false);
  const keep = (next: View[]): void => {
    setSaved(next);
    localStorage.setItem(KEY, JSON.stringify(next));
  };
  const shown = [{ name: "All", search: {} as RunListSearch }, { name: "Active", search: { status: "running" } as RunListSearch }, { name: "Failed", search: { status: "failed" } as RunListSearch }, ...saved];
  const isNew = !shown.some((view) => sameView(view.search, search));
  return (
    <div className="mb-2 flex flex-wrap items-center gap-1" role="group" aria-label="Views">
      {shown.map((view, at) => (
        <span key={`${view.name}${at}`} className="flex items-center">
          <Button size="sm" look={sameView(view.search, search) ? "plain" : "quiet"} aria-pressed={sameView(view.search, search)} onClick={() => onOpen(view.search)}>{view.name}</Button>
          {at > 2 ? <IconButton label={`Forget the view ${view.name}`} className="size-6" onClick={() => keep(saved.filter((each) => each !== view))}><X aria-hidden className="size-3!" /></IconButton> : null}
        </span>
      ))}
      {isNew ? (
        <Popover open={open} onOpenChange={setOpen}>
          <PopoverTrigger asChild><Button size="sm" look="quiet"><Bookmark aria-hidden />Save view</Button></PopoverTrigger>
          <PopoverContent align="start">
            <form className="grid gap-2" onSubmit={(event) => {
              event.preventDefault();
              if (!name.trim()) return;
              keep([...saved, { name: name.trim().slice(0, 60), search }]);
              setName("");
              setOpen(false);
            }}>
              <Input aria-label="Name of the view" placeholder="Name" value={name} maxLength={60} onChange={(event) => setName(event.target.value)} />
              <p className="text-xs text-muted">Views are kept in this browser.</p>
              <Button type="submit" look="primary" size="sm">Save</Button>
            </form>
          </PopoverContent>
        </Popover>
      ) : null}
    </div>
  );
}
