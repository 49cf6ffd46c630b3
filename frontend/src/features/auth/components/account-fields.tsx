import { Field, Input } from "@/components/ui/input";

import { PasswordInput } from "./password-input";

/** Name and password of a new account. */
export function AccountFields({ errors }: { errors: Record<string, string> }) {
  return (
    <>
      <Field label="Your name" hint="How others see you. You may leave it out." error={errors.display_name}>
        {(control) => <Input {...control} name="display_name" maxLength={128} autoComplete="name" />}
      </Field>
      <Field label="Password" hint="At least 12 characters." error={errors.password}>
        {(control) => <PasswordInput {...control} name="password" minLength={12} maxLength={1024} autoComplete="new-password" />}
      </Field>
    </>
  );
}
