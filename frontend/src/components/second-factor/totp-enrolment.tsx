import { useQuery } from "@tanstack/react-query";
import { QRCodeSVG } from "qrcode.react";
import { useState, type FormEvent } from "react";

import { problemOf } from "@/api/problem";
import { totpQuery, useActivateTotp } from "@/api/second-factor";
import { Loaded } from "@/components/loaded";
import { Button } from "@/components/ui/button";
import { CopyId } from "@/components/ui/facts";
import { Field, Input } from "@/components/ui/input";
import { Skeleton } from "@/components/ui/skeleton";

/** Sets up an authenticator app: scan, type its first code. `onDone` gets the recovery codes. */
export function TotpEnrolment({ onDone }: { onDone: (codes: string[]) => void }) {
  const query = useQuery(totpQuery());
  const activate = useActivateTotp();
  const [code, setCode] = useState("");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    activate.mutate(code.trim(), { onSuccess: onDone });
  };
  const problem = activate.error ? problemOf(activate.error) : null;
  return (
    <form onSubmit={submit} className="grid gap-4">
      <p className="text-sm text-muted">
        Scan this with an authenticator app (Aegis, 1Password, Google Authenticator, …), or type the key into it.
      </p>
      <Loaded query={query} skeleton={<Skeleton className="size-44" />}>
        {({ secret, url }) => (
          <div className="flex flex-wrap items-center gap-4">
            <span className="rounded-card border bg-[#fff] p-2">
              <QRCodeSVG value={url} size={160} title="QR code with the key" />
            </span>
            <CopyId id={secret} short={false} className="break-all" />
          </div>
        )}
      </Loaded>
      <Field label="Code of the app" error={problem ? (problem.fields.code ?? problem.message) : undefined}>
        {(control) => (
          <Input
            {...control}
            value={code}
            onChange={(event) => setCode(event.target.value)}
            inputMode="numeric"
            autoComplete="one-time-code"
            required
            className="max-w-40"
          />
        )}
      </Field>
      <Button type="submit" look="primary" busy={activate.isPending} className="justify-self-start">
        Turn on the second factor
      </Button>
    </form>
  );
}
