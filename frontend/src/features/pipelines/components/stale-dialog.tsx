import { Button } from "@/components/ui/button";
import { Dialog, DialogContent } from "@/components/ui/dialog";

import type { Source } from "./pipeline-editor";

interface StaleDialogProps {
  base: string;
  mine: string;
  theirs: Source;
  onClose: () => void;
  onTakeTheirs: () => void;
  onKeepMine: () => void;
}

/** Somebody else saved meanwhile: all three texts, and a choice. Never a silent overwrite. */
export function StaleDialog({ base, mine, theirs, onClose, onTakeTheirs, onKeepMine }: StaleDialogProps) {
  const columns: [string, string][] = [["As you read it", base], ["As it is now", theirs.text], ["Yours", mine]];
  return (
    <Dialog open onOpenChange={(open) => !open && onClose()}>
      <DialogContent
        title="Somebody else has saved this pipeline"
        description="Nothing is lost: compare, then choose. Your text stays in the editor until you do."
        className="sm:w-[min(76rem,calc(100vw-2rem))]"
        footer={
          <>
            <Button onClick={onClose}>Go on writing</Button>
            <Button onClick={onTakeTheirs}>Take theirs</Button>
            <Button look="bad" onClick={onKeepMine}>Save mine over theirs</Button>
          </>
        }
      >
        <div className="grid gap-3 lg:grid-cols-3">
          {columns.map(([title, text]) => (
            <section key={title} aria-label={title} className="min-w-0">
              <h3 className="mb-1 text-sm font-medium">{title}</h3>
              {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls must be reachable by keys */}
              <pre tabIndex={0} className="max-h-[50vh] overflow-auto rounded-control bg-sunken p-2 font-mono text-code whitespace-pre">
                {markedLines(text, base).map(({ line, isNew }, at) => <span key={at} className={isNew ? "tone-warn block bg-tone-tint" : "block"}>{line || " "}</span>)}
              </pre>
            </section>
          ))}
        </div>
      </DialogContent>
    </Dialog>
  );
}

/** Lines that the first text does not have are marked. */
function markedLines(text: string, base: string): { line: string; isNew: boolean }[] {
  const known = new Set(base.split("\n"));
  return text.split("\n").map((line) => ({ line, isNew: !known.has(line) }));
}
