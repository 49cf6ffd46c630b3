import { useState } from "react";

import { Kbd } from "@/components/ui/badge";
import { Switch } from "@/components/ui/checkbox";
import { Dialog, DialogContent } from "@/components/ui/dialog";
import { useBindings } from "@/hooks/use-keymap";
import { keyCaps, setSingleKeys, singleKeysOff } from "@/lib/keymap";

/** The keys that hold on this page. */
export function KeyHelp({ open, onOpenChange }: { open: boolean; onOpenChange: (open: boolean) => void }) {
  const bindings = useBindings();
  const [off, setOff] = useState(singleKeysOff);
  const groups = [...new Set(bindings.map(({ group }) => group))];
  const change = (on: boolean) => {
    setSingleKeys(on);
    setOff(!on);
  };
  return (
    <Dialog open={open} onOpenChange={onOpenChange}>
      <DialogContent title="Keys" description="What the keyboard does on this page.">
        <div className="grid gap-5 sm:grid-cols-2">
          {groups.map((group) => (
            <section key={group} aria-label={group}>
              <h3 className="mb-1 text-xs text-muted">{group}</h3>
              <ul className="grid gap-1">
                {bindings.filter((item) => item.group === group).map((item) => (
                  <li key={item.keys} className="flex items-center justify-between gap-3 text-sm">
                    {item.label}
                    <span className="flex gap-1">
                      {keyCaps(item.keys).map((cap, index) => (
                        <Kbd key={index}>{cap}</Kbd>
                      ))}
                    </span>
                  </li>
                ))}
              </ul>
            </section>
          ))}
        </div>
        <Switch
          className="mt-5 border-t pt-4"
          label="Single-letter keys"
          hint="Off: only keys with Ctrl or ⌘ do something."
          checked={!off}
          onCheckedChange={change}
        />
      </DialogContent>
    </Dialog>
  );
}
