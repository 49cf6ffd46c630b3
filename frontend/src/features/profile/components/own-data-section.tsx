import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { useMe } from "@/api/me";
import { problemOf } from "@/api/problem";
import { TextField } from "@/components/fields";
import { FormDialog, textOf } from "@/components/form-dialog";
import { Button } from "@/components/ui/button";
import { Time } from "@/components/ui/facts";
import { Card, Section } from "@/components/ui/page-header";
import { ProblemPanel } from "@/components/ui/problem-panel";

import { endAccount, exportQuery } from "../own-data";

/** All that is kept about this person, to have; and the end of the account. */
export function OwnDataSection() {
  const [wanted, setWanted] = useState(false);
  const [leaving, setLeaving] = useState(false);
  const me = useMe();
  const name = me.email || me.username;
  return (
    <Section title="Your data">
      <Card className="grid justify-items-start gap-3 text-sm">
        {wanted ? <Export /> : <Button onClick={() => setWanted(true)}>Prepare a copy of my data</Button>}
        <Button look="bad" onClick={() => setLeaving(true)}>
          Delete my account
        </Button>
      </Card>
      <FormDialog
        open={leaving}
        onOpenChange={setLeaving}
        title="Delete your account?"
        description="For good. Your keys, secrets, rules and sign-ins go, and nothing names you any more. Your runs and what they cost stay, as those of somebody who left; so does the audit log."
        action="Delete my account"
        onSubmit={(values) => endAccount(textOf(values, "confirm"))}
      >
        {(errors) => <TextField name="confirm" label={`Type ${name} to be sure`} errors={errors} required />}
      </FormDialog>
    </Section>
  );
}

function Export() {
  const { data, error, refetch } = useQuery(exportQuery());
  if (error) return <ProblemPanel problem={problemOf(error)} onRetry={() => void refetch()} />;
  if (data?.status === "failed")
    return (
      <p role="alert">
        It could not be made. <Button onClick={() => void refetch()}>Try again</Button>
      </p>
    );
  if (data?.status !== "done") return <p role="status">Your data is being put together…</p>;
  return (
    <p role="status">
      <a href={data.url} download className="text-accent underline">
        Download it as a zip
      </a>{" "}
      <span className="text-muted">
        (to be had until {data.expires_at ? <Time at={data.expires_at} /> : "tomorrow"})
      </span>
    </p>
  );
}
