import { useSuspenseQuery } from "@tanstack/react-query";
import { Link, Navigate, useNavigate } from "@tanstack/react-router";
import { KeyRound } from "lucide-react";

import { allauth, type Answer } from "@/api/allauth";
import { passkeysWork, provePasskey } from "@/api/passkeys";
import { Button } from "@/components/ui/button";
import { Field, Input } from "@/components/ui/input";

import { enter, stepAfter } from "../enter";
import { pendingQuery } from "../queries";
import { useEntry } from "../use-entry";
import { EntryFrame } from "./entry-frame";

/** The second step: a code of the app, a recovery code, or a passkey. */
export function VerifyPage({ next }: { next: string | undefined }) {
  const { data: flow } = useSuspenseQuery(pendingQuery());
  const navigate = useNavigate();
  const { busy, problem, attempt, onSubmit } = useEntry();
  const goOn = async (answer: Answer) => {
    const step = stepAfter(answer);
    if (step === "in") enter(next);
    else if (step === "trust") await navigate({ to: "/login/trust", search: { next } });
    else await navigate({ to: "/login", search: { next } });
  };
  if (flow?.id !== "mfa_authenticate") return <Navigate to="/login" search={{ next }} replace />;
  const withCode = async (values: FormData) => {
    const code = (values.get("code") as string).trim();
    await goOn(await allauth("POST", "/auth/2fa/authenticate", { code }));
  };
  return (
    <EntryFrame title="Second step">
      <form onSubmit={onSubmit(withCode)} className="grid gap-4">
        <Field label="Code of your authenticator app, or a recovery code" error={problem?.message}>
          {(control) => <Input {...control} name="code" required autoFocus autoComplete="one-time-code" />}
        </Field>
        <Button type="submit" look="primary" size="lg" busy={busy}>
          Continue
        </Button>
      </form>
      {flow.types?.includes("webauthn") && passkeysWork() ? (
        <Button
          className="mt-2 w-full"
          size="lg"
          busy={busy}
          onClick={() => void attempt(async () => goOn(await provePasskey("/auth/webauthn/authenticate")))}
        >
          <KeyRound aria-hidden />
          Use a passkey
        </Button>
      ) : null}
      <p className="mt-5 text-sm">
        <Link to="/login" search={{ next }} className="text-accent underline">
          Sign in as somebody else
        </Link>
      </p>
    </EntryFrame>
  );
}
