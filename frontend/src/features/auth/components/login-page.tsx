import { useSuspenseQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { KeyRound } from "lucide-react";

import { allauth, type Answer } from "@/api/allauth";
import { authStatusQuery } from "@/api/auth-status";
import { passkeysWork, provePasskey } from "@/api/passkeys";
import { ProviderForm } from "@/components/provider-form";
import { Button } from "@/components/ui/button";
import { Field, Input } from "@/components/ui/input";
import { ProblemPanel } from "@/components/ui/problem-panel";
import { safeNext } from "@/lib/next";

import { enter, stepAfter } from "../enter";
import { entryOf, useEntry } from "../use-entry";
import { EntryFrame } from "./entry-frame";
import { PasswordInput } from "./password-input";

interface LoginPageProps {
  next: string | undefined;
  /** A code of what an identity provider refused. */
  refusal: string | undefined;
}

export function LoginPage({ next, refusal }: LoginPageProps) {
  const { data: status } = useSuspenseQuery(authStatusQuery());
  const navigate = useNavigate();
  const { busy, problem, attempt, onSubmit } = useEntry();

  const goOn = async (answer: Answer) => {
    const step = stepAfter(answer);
    if (step === "in") enter(next);
    else if (step === "verify") await navigate({ to: "/login/verify", search: { next } });
    else if (step === "trust") await navigate({ to: "/login/trust", search: { next } });
  };
  const signIn = async (values: FormData) => {
    const login = entryOf(values, "login").trim();
    const name = login.includes("@") ? { email: login } : { username: login };
    const body = { ...name, password: entryOf(values, "password") };
    const answer = await allauth("POST", "/auth/login", body, [409]);
    if (answer.status === 409) enter(next); // somebody is in already
    else await goOn(answer);
  };

  return (
    <EntryFrame
      title="Sign in"
      lead={
        status.setup_needed ? (
          <>
            Nobody has set up this instance yet. <Link to="/setup" className="text-accent underline">Make the owner’s account</Link>.
          </>
        ) : null
      }
    >
      {refusal ? (
        <p role="alert" className="tone-bad mb-4 rounded-card border border-tone bg-tone-tint p-3 text-sm">
          Your identity provider did not let you in.{" "}
          <a href={`/problems/${encodeURIComponent(refusal)}`} className="underline">
            Why, and what helps
          </a>
        </p>
      ) : null}
      {status.providers.length > 0 ? (
        <div className="mb-5 grid gap-2 border-b pb-5">
          {status.providers.map((provider) => (
            <ProviderForm key={provider.slug} slug={provider.slug} process="login" callback={safeNext(next)}>
              <Button type="submit" size="lg" className="w-full">
                Sign in with {provider.label}
              </Button>
            </ProviderForm>
          ))}
        </div>
      ) : null}
      <form onSubmit={onSubmit(signIn)} className="grid gap-4">
        {problem ? <ProblemPanel problem={problem} /> : null}
        <Field label="E-mail address or user name">
          {(control) => (
            <Input {...control} name="login" required autoFocus autoComplete="username" autoCapitalize="none" spellCheck={false} />
          )}
        </Field>
        <Field label="Password">
          {(control) => <PasswordInput {...control} name="password" autoComplete="current-password" />}
        </Field>
        <Button type="submit" look="primary" size="lg" busy={busy}>
          Sign in
        </Button>
      </form>
      {status.methods.includes("passkey") && passkeysWork() ? (
        <Button
          className="mt-2 w-full"
          size="lg"
          busy={busy}
          onClick={() => void attempt(async () => goOn(await provePasskey("/auth/webauthn/login")))}
        >
          <KeyRound aria-hidden />
          Sign in with a passkey
        </Button>
      ) : null}
      {status.can_reset_password || status.waitlist_open ? (
        <ul className="mt-5 grid gap-2 text-sm">
          {status.can_reset_password ? (
            <li>
              <Link to="/login/forgotten" className="text-accent underline">
                Forgotten your password?
              </Link>
            </li>
          ) : null}
          {status.waitlist_open ? (
            <li>
              <Link to="/login/waitlist" className="text-accent underline">
                No account? Ask to be let in
              </Link>
            </li>
          ) : null}
        </ul>
      ) : null}
      <p className="mt-5 text-xs text-muted">
        On the machine itself, <code className="font-mono">djinn login-link</code> prints a link that signs you in without a password.
      </p>
    </EntryFrame>
  );
}
