import { useSuspenseQuery } from "@tanstack/react-query";
import { Navigate } from "@tanstack/react-router";

import { allauth } from "@/api/allauth";
import { Button } from "@/components/ui/button";
import { ProblemPanel } from "@/components/ui/problem-panel";

import { enter } from "../enter";
import { pendingQuery } from "../queries";
import { useEntry } from "../use-entry";
import { EntryFrame } from "./entry-frame";

/** Whether this browser is asked for the second step the next time too. */
export function TrustPage({ next }: { next: string | undefined }) {
  const { data: flow } = useSuspenseQuery(pendingQuery());
  const { busy, problem, attempt } = useEntry();
  if (flow?.id !== "mfa_trust") return <Navigate to="/login" search={{ next }} replace />;
  const answer = (trust: boolean) =>
    void attempt(async () => {
      await allauth("POST", "/auth/2fa/trust", { trust });
      enter(next);
    });
  return (
    <EntryFrame
      title="Trust this browser?"
      lead="A trusted browser is not asked for the second step for 30 days. Trust only one that is yours alone."
    >
      {problem ? <ProblemPanel problem={problem} className="mb-4" /> : null}
      <div className="grid gap-2">
        <Button look="primary" size="lg" busy={busy} onClick={() => answer(false)}>
          Ask me each time
        </Button>
        <Button size="lg" busy={busy} onClick={() => answer(true)}>
          Trust this browser
        </Button>
      </div>
    </EntryFrame>
  );
}
