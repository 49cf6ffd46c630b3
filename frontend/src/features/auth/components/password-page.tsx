import { useChangePassword } from "@/api/second-factor";
import { Button } from "@/components/ui/button";
import { Field } from "@/components/ui/input";
import { ProblemPanel } from "@/components/ui/problem-panel";

import { enter } from "../enter";
import { entryOf, useEntry } from "../use-entry";
import { EntryFrame } from "./entry-frame";
import { PasswordInput } from "./password-input";

/** A new password for who must choose one before anything else. */
export function PasswordPage() {
  const change = useChangePassword();
  const { busy, problem, errors, onSubmit } = useEntry();
  const submit = async (values: FormData) => {
    await change.mutateAsync({
      current_password: entryOf(values, "current_password"),
      new_password: entryOf(values, "new_password"),
    });
    enter("/");
  };
  return (
    <EntryFrame title="Choose your own password" lead="The present one was chosen by somebody else.">
      <form onSubmit={onSubmit(submit)} className="grid gap-4">
        {problem && Object.keys(errors).length === 0 ? <ProblemPanel problem={problem} /> : null}
        <Field label="Present password" error={errors.current_password}>
          {(control) => <PasswordInput {...control} name="current_password" autoComplete="current-password" />}
        </Field>
        <Field label="New password" hint="At least 12 characters." error={errors.new_password}>
          {(control) => <PasswordInput {...control} name="new_password" minLength={12} autoComplete="new-password" />}
        </Field>
        <Button type="submit" look="primary" size="lg" busy={busy}>
          Change the password
        </Button>
      </form>
    </EntryFrame>
  );
}
