import { Link } from "@tanstack/react-router";
import { useState } from "react";

import { allauth } from "@/api/allauth";
import { Button } from "@/components/ui/button";
import { Field, Input } from "@/components/ui/input";
import { ProblemPanel } from "@/components/ui/problem-panel";

import { entryOf, useEntry } from "../use-entry";
import { EntryFrame } from "./entry-frame";

/** Ask for a link to choose a new password. The answer is the same for every address. */
export function ForgottenPage() {
  const [asked, setAsked] = useState(false);
  const { busy, problem, errors, onSubmit } = useEntry();
  const ask = async (values: FormData) => {
    await allauth("POST", "/auth/password/request", { email: entryOf(values, "email").trim() });
    setAsked(true);
  };
  const back = (
    <p className="mt-5 text-sm">
      <Link to="/login" className="text-accent underline">
        Back to sign in
      </Link>
    </p>
  );
  if (asked)
    return (
      <EntryFrame title="Look into your mail">
        <p role="status" className="text-sm">
          If there is an account of that address, a link is on its way to it. It works once, for an hour.
        </p>
        {back}
      </EntryFrame>
    );
  return (
    <EntryFrame title="Forgotten your password?" lead="We send you a link with which you choose a new one.">
      <form onSubmit={onSubmit(ask)} className="grid gap-4">
        {problem && !errors.email ? <ProblemPanel problem={problem} /> : null}
        <Field label="E-mail address" error={errors.email}>
          {(control) => <Input {...control} name="email" type="email" required autoFocus autoComplete="username" />}
        </Field>
        <Button type="submit" look="primary" size="lg" busy={busy}>
          Send a link
        </Button>
      </form>
      {back}
    </EntryFrame>
  );
}
