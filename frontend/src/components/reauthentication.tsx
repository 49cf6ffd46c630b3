import { useQuery } from "@tanstack/react-query";
import { Fingerprint } from "lucide-react";
import { useEffect, useState, type FormEvent } from "react";

import { allauth, type Answer } from "@/api/allauth";
import { setReauthentication } from "@/api/client";
import { passkeysWork, provePasskey } from "@/api/passkeys";
import { problemOf, type Problem } from "@/api/problem";
import { authenticatorsQuery } from "@/api/second-factor";

import { Button } from "./ui/button";
import { Dialog, DialogClose, DialogContent } from "./ui/dialog";
import { Field, Input } from "./ui/input";
import { ProblemPanel } from "./ui/problem-panel";

const CODE = /^\d{6}$|^\d{8}$/;

/**
 * Asks for the password, a code or a passkey when the server wants to know once more who is there; the call
 * that was refused is then made again. There is one of it in the page.
 */
export function Reauthentication() {
  const [answer, setAnswer] = useState<((right: boolean) => void) | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState(false);
  const { data: factors = [] } = useQuery({ ...authenticatorsQuery(), enabled: answer !== null });
  const hasPasskey = passkeysWork() && factors.some((factor) => factor.type === "webauthn");

  useEffect(() => {
    let waiting: Promise<boolean> | null = null;
    setReauthentication(() => {
      waiting ??= new Promise<boolean>((resolve) => {
        setProblem(null);
        setAnswer(() => resolve);
      }).finally(() => {
        waiting = null;
      });
      return waiting;
    });
    return () => setReauthentication(null);
  }, []);

  const close = (right: boolean) => {
    answer?.(right);
    setAnswer(null);
  };
  const prove = async (shown: Promise<Answer>) => {
    setBusy(true);
    try {
      if ((await shown).status === 200) close(true);
    } catch (error) {
      setProblem(problemOf(error));
    } finally {
      setBusy(false);
    }
  };
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    event.stopPropagation();
    const typed = new FormData(event.currentTarget).get("secret") as string;
    void prove(
      CODE.test(typed)
        ? allauth("POST", "/auth/2fa/reauthenticate", { code: typed })
        : allauth("POST", "/auth/reauthenticate", { password: typed }),
    );
  };
  return (
    <Dialog open={answer !== null} onOpenChange={(open) => (open ? undefined : close(false))}>
      <DialogContent title="Is it still you?" description="This needs your password once more, or a code of your authenticator app.">
        <form onSubmit={submit} className="grid gap-4">
          <Field label="Password or code" error={problem?.message}>
            {(control) => (
              <Input {...control} name="secret" type="password" autoComplete="current-password" required autoFocus />
            )}
          </Field>
          {problem?.status === 0 ? <ProblemPanel problem={problem} /> : null}
          <div className="flex flex-wrap justify-end gap-2">
            {hasPasskey ? (
              <Button className="mr-auto" disabled={busy} onClick={() => void prove(provePasskey("/auth/webauthn/reauthenticate"))}>
                <Fingerprint aria-hidden />
                Use a passkey
              </Button>
            ) : null}
            <DialogClose asChild>
              <Button>Cancel</Button>
            </DialogClose>
            <Button type="submit" look="primary" busy={busy}>
              Continue
            </Button>
          </div>
        </form>
      </DialogContent>
    </Dialog>
  );
}
