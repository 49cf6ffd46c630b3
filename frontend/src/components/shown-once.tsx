import { Check, Copy } from "lucide-react";
import { useState } from "react";

import { Button } from "./ui/button";
import { Dialog, DialogContent } from "./ui/dialog";

interface ShownOnceProps {
  title: string;
  description: string;
  /** Null: closed. */
  secret: string | null;
  onClose: () => void;
}

/** A secret that the server tells one time only: copy it, then it is gone. */
export function ShownOnce({ title, description, secret, onClose }: ShownOnceProps) {
  return (
    <Dialog open={secret !== null} onOpenChange={(open) => (open ? undefined : onClose())}>
      <DialogContent
        title={title}
        description={description}
        footer={
          <Button look="primary" onClick={onClose}>
            I have saved it
          </Button>
        }
        onInteractOutside={(event) => event.preventDefault()}
      >
        <CopyBox text={secret ?? ""} />
      </DialogContent>
    </Dialog>
  );
}

/** Text in a well with a button that copies it. */
export function CopyBox({ text }: { text: string }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    setCopied(true);
  };
  return (
    <div className="grid gap-2">
      <pre className="overflow-x-auto rounded-control border bg-sunken p-3 font-mono text-code break-all whitespace-pre-wrap">
        {text}
      </pre>
      <Button className="justify-self-start" onClick={() => void copy()}>
        {copied ? <Check aria-hidden /> : <Copy aria-hidden />}
        <span role="status">{copied ? "Copied" : "Copy"}</span>
      </Button>
    </div>
  );
}
