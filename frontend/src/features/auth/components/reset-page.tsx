import { Link } from "@tanstack/react-router";
import { useState } from "react";

import { allauth } from "@/api/allauth";
import { Button } from "@/components/ui/button";
import { Field } from "@/components/ui/input";
import { ProblemPanel } from "@/components/ui/problem-panel";

import { entryOf, useEntry } from "../use-entry";
import { EntryFrame } from "./entry-frame";
import { PasswordInput } from "./password-input";

/** A new password, with the key of a mail. It signs nobody in: a second factor is still asked for. */
export function ResetPage({ resetKey }: { resetKey: string }) {
  const [changed, setChanged] = useState(false);
  const { busy, problem, errors, onSubmit } = useEntry();
  const change = async (values: FormData) => {
    await allauth("POST", "/auth/password/reset", { key: resetKey, password: entryOf(values, "password") });
    setChanged(true);
  };
  if (changed)
    return (
      <EntryFrame title="Your password is changed">
        <p role="status" className="text-sm">
          Whoever was signed in with the old one is signed out.
        </p>
        <Button asChild look="primary" size="lg" className="mt-5 w-full">
          <Link to="/login">Sign in</Link>
        </Button>
      </EntryFrame>
    );
  if (errors.key)
    return (
      <EntryFrame title="This link does not work any more">
        <p role="alert" className="text-sm">
          It was used, or is older than an hour.
        </p>
        <Button asChild look="primary" size="lg" className="mt-5 w-full">
          <Link to="/login/forgotten">Ask for another</Link>
        </Button>
      </EntryFrame>
    );
  return (
    <EntryFrame title="Choose a new password">
      <form onSubmit={onSubmit(change)} className="grid gap-4">
        {problem && !errors.password ? <ProblemPanel problem={problem} /> : null}
        <Field label="New password" hint="At least 12 characters." error={errors.password}>
          {(control) => <PasswordInput {...control} name="password" minLength={12} maxLength={1024} autoFocus autoComplete="new-password" />}
        </Field>
        <Button type="submit" look="primary" size="lg" busy={busy}>
          Change the password
        </Button>
      </form>
    </EntryFrame>
  );
}
