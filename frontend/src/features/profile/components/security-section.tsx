import { useQuery } from "@tanstack/react-query";
import { KeyRound, Smartphone } from "lucide-react";
import { useState } from "react";

import { addPasskey, passkeysWork } from "@/api/passkeys";
import {
  authenticatorsQuery, useChangePassword, useDeactivateTotp, useNewRecoveryCodes, useRemovePasskey, type Authenticator,
} from "@/api/second-factor";
import { FormDialog, textOf } from "@/components/form-dialog";
import { Loaded } from "@/components/loaded";
import { RecoveryCodes } from "@/components/second-factor/recovery-codes";
import { TotpEnrolment } from "@/components/second-factor/totp-enrolment";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Confirm } from "@/components/ui/confirm";
import { Dialog, DialogContent } from "@/components/ui/dialog";
import { Time } from "@/components/ui/facts";
import { Field, Input } from "@/components/ui/input";
import { Card, PageHeader, Section } from "@/components/ui/page-header";
import { failed, said } from "@/lib/toast";

import { ConnectionsSection } from "./connections-section";

const LEAST_PASSWORD = 12;
const FEW_CODES = 3;

const at = (seconds: number): string => new Date(seconds * 1_000).toISOString();

export function SecuritySection() {
  const [changing, setChanging] = useState(false);
  const factors = useQuery(authenticatorsQuery());
  return (
    <>
      <PageHeader title="Security" />
      <Section title="Password">
        <Card>
          <Button onClick={() => setChanging(true)}>
            <KeyRound aria-hidden />
            Change password
          </Button>
        </Card>
      </Section>
      <Loaded query={factors}>
        {(found) => (
          <>
            <AppSection factors={found} />
            <PasskeySection factors={found} onAdded={() => void factors.refetch()} />
          </>
        )}
      </Loaded>
      <ConnectionsSection />
      {changing ? <PasswordForm onClose={() => setChanging(false)} /> : null}
    </>
  );
}

function PasswordForm({ onClose }: { onClose: () => void }) {
  const change = useChangePassword();
  const submit = async (values: FormData) => {
    await change.mutateAsync({
      current_password: (values.get("current_password") as string | null) ?? "",
      new_password: (values.get("new_password") as string | null) ?? "",
    });
    said("Password changed");
  };
  return (
    <FormDialog open onOpenChange={onClose} title="Change password" action="Change password" onSubmit={submit}>
      {(errors) => (
        <>
          <Field label="Present password" error={errors["current_password"]}>
            {(control) => <Input {...control} name="current_password" type="password" autoComplete="current-password" required />}
          </Field>
          <Field label="New password" hint={`At least ${LEAST_PASSWORD} characters.`} error={errors["new_password"]}>
            {(control) => (
              <Input {...control} name="new_password" type="password" autoComplete="new-password" minLength={LEAST_PASSWORD} required />
            )}
          </Field>
        </>
      )}
    </FormDialog>
  );
}

function AppSection({ factors }: { factors: Authenticator[] }) {
  const totp = factors.find((factor) => factor.type === "totp");
  const recovery = factors.find((factor) => factor.type === "recovery_codes");
  const deactivate = useDeactivateTotp();
  const renew = useNewRecoveryCodes();
  const [open, setOpen] = useState<"enrol" | "off" | null>(null);
  const [codes, setCodes] = useState<string[] | null>(null);
  const left = recovery?.unused_code_count ?? 0;
  const newCodes = () =>
    renew.mutate(undefined, {
      onSuccess: setCodes,
      onError: (error) => failed("No new codes were made", error),
    });
  return (
    <Section title="Authenticator app">
      <Card className="grid gap-3 text-sm">
        {totp ? (
          <>
            <p className="flex flex-wrap items-center gap-2">
              <Badge tone="ok">on</Badge>
              since <Time at={at(totp.created_at)} />
              {totp.last_used_at ? (
                <>
                  , last used <Time at={at(totp.last_used_at)} />
                </>
              ) : null}
            </p>
            <p className={left <= FEW_CODES ? "text-warn" : "text-muted"}>
              {left} of {recovery?.total_code_count ?? 0} recovery codes are left.
            </p>
            <div className="flex flex-wrap gap-2">
              <Button busy={renew.isPending} onClick={newCodes}>
                Make new recovery codes
              </Button>
              <Button look="bad" onClick={() => setOpen("off")}>
                Turn off
              </Button>
            </div>
          </>
        ) : (
          <>
            <p className="text-muted">A code from your phone, beside the password, when you sign in.</p>
            <div>
              <Button look="primary" onClick={() => setOpen("enrol")}>
                <Smartphone aria-hidden />
                Set up an app
              </Button>
            </div>
          </>
        )}
      </Card>
      <Dialog open={open === "enrol"} onOpenChange={() => setOpen(null)}>
        <DialogContent title="Set up an authenticator app">
          {open === "enrol" ? (
            <TotpEnrolment
              onDone={(made) => {
                setOpen(null);
                setCodes(made);
              }}
            />
          ) : null}
        </DialogContent>
      </Dialog>
      <Dialog open={codes !== null}>
        <DialogContent title="Recovery codes" onInteractOutside={(event) => event.preventDefault()}>
          {codes ? <RecoveryCodes codes={codes} onDone={() => setCodes(null)} /> : null}
        </DialogContent>
      </Dialog>
      <Confirm
        open={open === "off"}
        onOpenChange={() => setOpen(null)}
        title="Turn off the authenticator app?"
        action="Turn off"
        onConfirm={() => deactivate.mutateAsync(undefined)}
      >
        Your password alone lets you in then, and the recovery codes stop working.
      </Confirm>
    </Section>
  );
}

function PasskeySection({ factors, onAdded }: { factors: Authenticator[]; onAdded: () => void }) {
  const passkeys = factors.filter((factor) => factor.type === "webauthn");
  const remove = useRemovePasskey();
  const [adding, setAdding] = useState(false);
  const [leaving, setLeaving] = useState<Authenticator | null>(null);
  const submit = async (values: FormData) => {
    await addPasskey(textOf(values, "name"));
    onAdded();
    said("Passkey added");
  };
  return (
    <Section
      title="Passkeys"
      actions={
        <Button refusal={passkeysWork() ? null : "This browser, or this address without HTTPS, has no passkeys."} onClick={() => setAdding(true)}>
          Add passkey
        </Button>
      }
    >
      {passkeys.length === 0 ? (
        <p className="text-sm text-muted">None. A passkey of this device signs you in without the password.</p>
      ) : (
        <ul className="divide-y rounded-card border bg-surface">
          {passkeys.map((passkey) => (
            <li key={passkey.id} className="flex items-center gap-3 px-4 py-2 text-sm">
              <span className="font-medium">{passkey.name}</span>
              <span className="text-muted">
                added <Time at={at(passkey.created_at)} />
              </span>
              <Button size="sm" look="quiet" className="ml-auto" onClick={() => setLeaving(passkey)} aria-label={`Remove passkey ${passkey.name ?? ""}`}>
                Remove
              </Button>
            </li>
          ))}
        </ul>
      )}
      {adding ? (
        <FormDialog open onOpenChange={setAdding} title="Add a passkey" action="Add passkey" onSubmit={submit}>
          {(errors) => (
            <Field label="Name" hint="So that you know it again." error={errors["name"]}>
              {(control) => <Input {...control} name="name" required defaultValue="This device" autoComplete="off" />}
            </Field>
          )}
        </FormDialog>
      ) : null}
      <Confirm
        open={leaving !== null}
        onOpenChange={() => setLeaving(null)}
        title={`Remove passkey ${leaving?.name ?? ""}?`}
        action="Remove passkey"
        onConfirm={() => remove.mutateAsync(leaving?.id ?? 0)}
      >
        It no longer signs you in.
      </Confirm>
    </Section>
  );
}
