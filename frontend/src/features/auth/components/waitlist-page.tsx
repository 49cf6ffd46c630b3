import { useSuspenseQuery } from "@tanstack/react-query";
import { Link, Navigate } from "@tanstack/react-router";
import { useState } from "react";

import { authStatusQuery } from "@/api/auth-status";
import { api, ok } from "@/api/client";
import { Button } from "@/components/ui/button";
import { Field, Input, Textarea } from "@/components/ui/input";
import { ProblemPanel } from "@/components/ui/problem-panel";

import { entryOf, useEntry } from "../use-entry";
import { EntryFrame } from "./entry-frame";

/** Ask to be let in. The answer is the same for every address. */
export function WaitlistPage() {
  const { data: status } = useSuspenseQuery(authStatusQuery());
  const [asked, setAsked] = useState(false);
  const { busy, problem, errors, onSubmit } = useEntry();
  const join = async (values: FormData) => {
    const body = {
      email: entryOf(values, "email").trim(),
      note: entryOf(values, "note").trim(),
      website: entryOf(values, "website"),
    };
    await ok(api.POST("/v1/waitlist", { body }));
    setAsked(true);
  };
  if (!status.waitlist_open) return <Navigate to="/login" replace />;
  return (
    <EntryFrame
      title={asked ? "You are on the list" : "Ask to be let in"}
      lead={asked ? undefined : "An administrator reads your request, and invites you by mail."}
    >
      {asked ? (
        <p role="status" className="text-sm">
          Thank you. If there is no account of that address yet, an administrator sees your request.
        </p>
      ) : (
        <form onSubmit={onSubmit(join)} className="grid gap-4">
          {problem && Object.keys(errors).length === 0 ? <ProblemPanel problem={problem} /> : null}
          <Field label="E-mail address" error={errors.email}>
            {(control) => <Input {...control} name="email" type="email" required autoFocus autoComplete="email" />}
          </Field>
          <Field label="Who you are (optional)" error={errors.note}>
            {(control) => <Textarea {...control} name="note" maxLength={500} />}
          </Field>
          {/* People do not see it; programs fill it in. */}
          <input name="website" hidden tabIndex={-1} autoComplete="off" />
          <Button type="submit" look="primary" size="lg" busy={busy}>
            Ask
          </Button>
        </form>
      )}
      <p className="mt-5 text-sm">
        <Link to="/login" className="text-accent underline">
          Back to sign in
        </Link>
      </p>
    </EntryFrame>
  );
}
