import { api, ok } from "@/api/client";
import { Button } from "@/components/ui/button";
import { ProblemPanel } from "@/components/ui/problem-panel";

import { enter } from "../enter";
import { entryOf, useEntry } from "../use-entry";
import { AccountFields } from "./account-fields";
import { EntryFrame } from "./entry-frame";

export function InvitePage({ token }: { token: string }) {
  const { busy, problem, errors, onSubmit } = useEntry();
  const accept = async (values: FormData) => {
    const body = {
      token,
      display_name: entryOf(values, "display_name").trim(),
      password: entryOf(values, "password"),
    };
    await ok(api.POST("/v1/auth/invites/accept", { body }));
    enter("/");
  };
  return (
    <EntryFrame title="Join this instance" lead="You were invited. Choose your name and a password.">
      <form onSubmit={onSubmit(accept)} className="grid gap-4">
        {problem && !errors.password ? <ProblemPanel problem={problem} /> : null}
        <AccountFields errors={errors} />
        <Button type="submit" look="primary" size="lg" busy={busy}>
          Make my account
        </Button>
      </form>
    </EntryFrame>
  );
}
