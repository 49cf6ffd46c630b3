import { Download, Printer } from "lucide-react";
import { useState } from "react";

import { CopyBox } from "@/components/shown-once";
import { Button } from "@/components/ui/button";
import { Checkbox } from "@/components/ui/checkbox";

/** Recovery codes, the one time they are shown. One goes on when one says that they are saved. */
export function RecoveryCodes({ codes, onDone }: { codes: string[]; onDone: () => void }) {
  const [saved, setSaved] = useState(false);
  const text = codes.join("\n");
  const download = () => {
    const address = URL.createObjectURL(new Blob([`${text}\n`], { type: "text/plain" }));
    const link = document.createElement("a");
    link.href = address;
    link.download = "djinnbot-recovery-codes.txt";
    link.click();
    URL.revokeObjectURL(address);
  };
  return (
    <div className="grid gap-4">
      <p className="text-sm text-muted">
        Each of these lets you in once when the app is not at hand. They are not shown again.
      </p>
      <CopyBox text={text} />
      <div className="flex gap-2">
        <Button onClick={download}>
          <Download aria-hidden />
          Download
        </Button>
        <Button onClick={() => window.print()}>
          <Printer aria-hidden />
          Print
        </Button>
      </div>
      <Checkbox
        label="I have saved these codes."
        checked={saved}
        onCheckedChange={(checked) => setSaved(checked === true)}
      />
      <Button
        look="primary"
        className="justify-self-start"
        refusal={saved ? null : "First say that you have saved the codes."}
        onClick={onDone}
      >
        Continue
      </Button>
    </div>
  );
}
