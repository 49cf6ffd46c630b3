import { Check } from "lucide-react";
import { useState } from "react";

import { useDecide } from "@/api/decisions";
import { refusal, useMe } from "@/api/me";
import { Button } from "@/components/ui/button";
import { Confirm } from "@/components/ui/confirm";
import type { DecisionRow } from "@/hooks/use-decisions";
import { said } from "@/lib/toast";

/** Several approvals at once: only where nothing else is among what is shown. */
export function ApproveAll({ rows }: { rows: readonly DecisionRow[] }) {
  const me = useMe();
  const decide = useDecide();
  const [asking, setAsking] = useState(false);
  const open = rows.filter((row) => row.answer === null).map((row) => row.decision);
  if (open.length < 2 || open.some((decision) => decision.kind !== "approval")) return null;
  /** One after the other: the first refusal ends it, and says which. */
  const approve = async () => {
    for (const { run_id, id } of open)
      await decide.mutateAsync({ runId: run_id, approvalId: id, decision: "approve", comment: "" });
    said(`${open.length} steps approved`);
  };
  return (
    <div className="mb-3 flex justify-end">
      <Button refusal={refusal(me, "member")} onClick={() => setAsking(true)}>
        <Check aria-hidden />
        Approve all {open.length} …
      </Button>
      <Confirm
        open={asking}
        onOpenChange={setAsking}
        title={`Approve ${open.length} steps?`}
        action="Approve all"
        look="primary"
        onConfirm={approve}
      >
        The steps of {new Set(open.map((decision) => decision.run_id)).size} runs start. What was approved cannot be taken back.
      </Confirm>
    </div>
  );
}
