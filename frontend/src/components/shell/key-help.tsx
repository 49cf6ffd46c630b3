import { Pencil } from "lucide-react";
import { useState, type KeyboardEvent } from "react";

import { usePreferences, useSetPreferences } from "@/api/preferences";
import { Kbd } from "@/components/ui/badge";
import { Button, IconButton } from "@/components/ui/button";
import { Switch } from "@/components/ui/checkbox";
import { Dialog, DialogContent } from "@/components/ui/dialog";
import { useBindings } from "@/hooks/use-keymap";
import { keyCaps, keymap, keyOf, type Binding } from "@/lib/keymap";

/** The keys that hold on this page; each can be another one. */
export function KeyHelp({ open, onOpenChange }: { open: boolean; onOpenChange: (open: boolean) => void }) {
  const bindings = useBindings().filter(({ keys }, at, all) => all.findIndex((each) => each.keys === keys) === at);
  const { single_keys_off: off = false, keys: own = {} } = usePreferences();
  const keep = useSetPreferences();
  const [changing, setChanging] = useState<string | null>(null);
  const groups = [...new Set(bindings.map(({ group }) => group))];
  const change = (keys: string, next: string) => {
    const others = Object.entries(own).filter(([ours]) => ours !== keys);
    keep({ keys: Object.fromEntries(next === keys ? others : [...others, [keys, next]]) });
    setChanging(null);
  };
  return (
    <Dialog open={open} onOpenChange={onOpenChange}>
      <DialogContent title="Keys" description="What the keyboard does on this page." className="sm:w-[min(46rem,calc(100vw-2rem))]">
        <div className="grid gap-x-8 gap-y-5 sm:grid-cols-2">
          {groups.map((group) => (
            <section key={group} aria-label={group}>
              <h3 className="mb-1 text-xs text-muted">{group}</h3>
              <ul className="grid gap-0.5">
                {bindings.filter((item) => item.group === group).map((item) => (
                  <li key={item.keys} className="flex min-h-8 items-center justify-between gap-3 text-sm">
                    {item.label}
                    {changing === item.keys ? (
                      <Catch binding={item} others={bindings} onKeys={(next) => change(item.keys, next)} onLeave={() => setChanging(null)} />
                    ) : (
                      <span className="flex items-center gap-1">
                        {keyCaps(keymap.keysFor(item.keys)).map((cap, index) => (
                          <Kbd key={index}>{cap}</Kbd>
                        ))}
                        {item.keys.startsWith("mod+") ? null : (
                          <IconButton label={`Change the key for ${item.label}`} className="size-7" onClick={() => setChanging(item.keys)}>
                            <Pencil aria-hidden className="size-3.5!" />
                          </IconButton>
                        )}
                      </span>
                    )}
                  </li>
                ))}
              </ul>
            </section>
          ))}
        </div>
        <div className="mt-5 grid gap-3 border-t pt-4">
          <Switch
            label="Single-letter keys"
            hint="Off: only keys with Ctrl or ⌘ do something."
            checked={!off}
            onCheckedChange={(on) => keep({ single_keys_off: !on })}
          />
          {Object.keys(own).length > 0 ? (
            <Button size="sm" className="justify-self-start" onClick={() => keep({ keys: null })}>
              Take back all of my keys
            </Button>
          ) : null}
        </div>
      </DialogContent>
    </Dialog>
  );
}

interface CatchProps {
  binding: Binding;
  others: readonly Binding[];
  onKeys: (keys: string) => void;
  onLeave: () => void;
}

/** Takes the next key that is pressed. What began with `g` goes on doing so. */
function Catch({ binding, others, onKeys, onLeave }: CatchProps) {
  const [taken, setTaken] = useState("");
  const start = binding.keys.slice(0, binding.keys.lastIndexOf(" ") + 1);
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Tab") return;
    event.preventDefault();
    event.stopPropagation();
    if (event.key === "Escape") return onLeave();
    const key = keyOf(event);
    if (key.length !== 1) return;
    const next = start + key;
    const other = others.find((each) => each !== binding && keymap.keysFor(each.keys) === next);
    if (other) setTaken(other.label);
    else onKeys(next);
  };
  return (
    <span className="flex items-center gap-2 text-xs text-muted">
      <span role="status">{taken ? `That is: ${taken}` : ""}</span>
      <button
        type="button"
        ref={(element) => element?.focus()}
        className="rounded-control border border-border-strong px-2 py-1"
        onKeyDown={onKeyDown}
        onBlur={onLeave}
      >
        Press a key …
      </button>
    </span>
  );
}
