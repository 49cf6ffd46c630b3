import { useRef, type FormEvent } from "react";

import type { Schemas } from "@/api/client";
import { problemOf } from "@/api/problem";
import { ChoiceField, LongField, TextField } from "@/components/fields";
import { textOf } from "@/components/form-dialog";
import { Button } from "@/components/ui/button";
import { Card, PageHeader } from "@/components/ui/page-header";
import { ProblemPanel } from "@/components/ui/problem-panel";
import type { Role } from "@/lib/roles";
import { said } from "@/lib/toast";

import { useAnnounce } from "../queries";

const AUDIENCES: Record<Role, string> = {
  viewer: "Everybody",
  member: "Members and administrators",
  admin: "Administrators and owners",
  owner: "Owners",
};
const LEVELS: Record<Schemas["NotificationLevelEnum"], string> = { info: "Information", warning: "Warning", error: "Error" };

/** For administrators: something that others should hear of. */
export function AnnounceSection() {
  const announce = useAnnounce();
  const form = useRef<HTMLFormElement>(null);
  const problem = announce.error ? problemOf(announce.error) : null;
  const errors = problem?.fields;
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const values = new FormData(event.currentTarget);
    const until = textOf(values, "expires_at");
    announce.mutate(
      {
        title: textOf(values, "title"),
        body: textOf(values, "body"),
        level: textOf(values, "level") as Schemas["NotificationLevelEnum"],
        role: textOf(values, "role") as Role,
        link: textOf(values, "link"),
        expires_at: until ? new Date(until).toISOString() : null,
      },
      {
        onSuccess: () => {
          said("Announced");
          form.current?.reset();
        },
      },
    );
  };
  return (
    <>
      <PageHeader title="Announce">It comes into everybody’s inbox, and by mail or webhook where their rules say so.</PageHeader>
      <Card>
        <form ref={form} onSubmit={submit} className="grid max-w-xl gap-4">
          <TextField name="title" label="Title" required maxLength={256} errors={errors} />
          <LongField name="body" label="Text" maxLength={4000} rows={4} errors={errors} />
          <div className="grid gap-4 sm:grid-cols-2">
            <ChoiceField name="role" label="For" options={AUDIENCES} defaultValue="viewer" errors={errors} />
            <ChoiceField name="level" label="Level" options={LEVELS} defaultValue="info" errors={errors} />
            <TextField name="link" label="Leads to" hint="A page of this instance, such as /usage." placeholder="/" errors={errors} />
            <TextField name="expires_at" type="datetime-local" label="Until" hint="Empty: it stays for 90 days." errors={errors} />
          </div>
          {problem && Object.keys(problem.fields).length === 0 ? <ProblemPanel problem={problem} /> : null}
          <Button type="submit" look="primary" busy={announce.isPending} className="justify-self-start">
            Announce
          </Button>
        </form>
      </Card>
    </>
  );
}
