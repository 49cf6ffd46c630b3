import { useState } from "react";

import { RecoveryCodes } from "@/components/second-factor/recovery-codes";
import { TotpEnrolment } from "@/components/second-factor/totp-enrolment";

import { enter } from "../enter";
import { EntryFrame } from "./entry-frame";

/** For who may do nothing until a second factor is set up. */
export function SecondFactorPage({ next }: { next: string | undefined }) {
  const [codes, setCodes] = useState<string[] | null>(null);
  if (codes)
    return (
      <EntryFrame title="Recovery codes">
        <RecoveryCodes codes={codes} onDone={() => enter(next)} />
      </EntryFrame>
    );
  return (
    <EntryFrame title="Set up a second factor" lead="Your role needs one before anything else." wide>
      <TotpEnrolment onDone={setCodes} />
    </EntryFrame>
  );
}
