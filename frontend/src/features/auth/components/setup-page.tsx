import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { api, ok } from "@/api/client";
import { meQuery } from "@/api/me";
import { RecoveryCodes } from "@/components/second-factor/recovery-codes";
import { TotpEnrolment } from "@/components/second-factor/totp-enrolment";
import { Button } from "@/components/ui/button";
import { Field, Input } from "@/components/ui/input";
import { ProblemPanel } from "@/components/ui/problem-panel";

import { enter } from "../enter";
import { entryOf, useEntry } from "../use-entry";
import { AccountFields } from "./account-fields";
import { EntryFrame } from "./entry-frame";
import { BudgetStep, ModelStep } from "./setup-steps";

const STEPS = ["account", "factor", "codes", "model", "budget"] as const;
type Step = (typeof STEPS)[number];

const TITLES: Record<Step, string> = {
  account: "Set up this instance",
  factor: "A second factor",
  codes: "Recovery codes",
  model: "A model to work with",
  budget: "A first budget",
};

/** The first visit: the owner's account, and what the first run needs. */
export function SetupPage({ token }: { token: string | undefined }) {
  const [step, setStep] = useState<Step>("account");
  const [codes, setCodes] = useState<string[]>([]);
  const number = STEPS.indexOf(step) + 1;
  const finish = () => enter("/");
  return (
    <EntryFrame title={TITLES[step]} lead={`Step ${number} of ${STEPS.length}`} wide>
      {step === "account" ? <AccountStep token={token} onDone={() => setStep("factor")} /> : null}
      {step === "factor" ? (
        <>
          <p className="mb-4 text-sm">
            Whoever has your password can start agents on this machine. A code of your phone besides keeps them out.
          </p>
          <TotpEnrolment
            onDone={(made) => {
              setCodes(made);
              setStep("codes");
            }}
          />
          <Button look="link" className="mt-4" onClick={() => setStep("model")}>
            Not now
          </Button>
        </>
      ) : null}
      {step === "codes" ? <RecoveryCodes codes={codes} onDone={() => setStep("model")} /> : null}
      {step === "model" ? <ModelStep onDone={() => setStep("budget")} /> : null}
      {step === "budget" ? <BudgetStep onDone={finish} /> : null}
    </EntryFrame>
  );
}

function AccountStep({ token, onDone }: { token: string | undefined; onDone: () => void }) {
  const client = useQueryClient();
  const { busy, problem, errors, onSubmit } = useEntry();
  const submit = async (values: FormData) => {
    const body = {
      token,
      email: entryOf(values, "email").trim(),
      display_name: entryOf(values, "display_name").trim(),
      password: entryOf(values, "password"),
    };
    const me = await ok(api.POST("/v1/auth/setup", { body }));
    client.setQueryData(meQuery.queryKey, me);
    onDone();
  };
  return (
    <form onSubmit={onSubmit(submit)} className="grid gap-4">
      <p className="text-sm text-muted">You become its owner. Others come in by your invitation.</p>
      {problem && Object.keys(errors).length === 0 ? <ProblemPanel problem={problem} /> : null}
      <Field label="E-mail address" error={errors.email}>
        {(control) => <Input {...control} name="email" type="email" required autoFocus autoComplete="username" />}
      </Field>
      <AccountFields errors={errors} />
      <Button type="submit" look="primary" size="lg" busy={busy}>
        Make the owner’s account
      </Button>
    </form>
  );
}
