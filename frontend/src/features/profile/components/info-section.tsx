import { useState, type FormEvent } from "react";

import type { Schemas } from "@/api/client";
import { useMe } from "@/api/me";
import { problemOf } from "@/api/problem";
import { textOf } from "@/components/form-dialog";
import { Button } from "@/components/ui/button";
import { Facts } from "@/components/ui/facts";
import { Field, Input, Select } from "@/components/ui/input";
import { Card, PageHeader } from "@/components/ui/page-header";
import { ProblemPanel } from "@/components/ui/problem-panel";
import { said } from "@/lib/toast";

import { useChangeProfile } from "../queries";
import { OwnDataSection } from "./own-data-section";

type Zone = Schemas["PatchedProfileChangeRequest"]["timezone"];

export function InfoSection() {
  const me = useMe();
  const change = useChangeProfile();
  const [zones] = useState(() => ["UTC", ...Intl.supportedValuesOf("timeZone")]);
  const problem = change.error ? problemOf(change.error) : null;
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const values = new FormData(event.currentTarget);
    change.mutate(
      { display_name: textOf(values, "display_name"), timezone: textOf(values, "timezone") as Zone },
      { onSuccess: () => said("Profile saved") },
    );
  };
  return (
    <>
      <PageHeader title="About you" />
      <Card>
        <Facts
          items={[
            ["Sign-in name", me.username],
            ["E-mail", me.email || "–"],
            ["Role", me.role],
          ]}
          className="mb-4"
        />
        <form onSubmit={submit} className="grid max-w-md gap-4">
          <Field label="Name" hint="How others see you." error={problem?.fields["display_name"]}>
            {(control) => <Input {...control} name="display_name" defaultValue={me.display_name} autoComplete="name" />}
          </Field>
          <Field label="Time zone" error={problem?.fields["timezone"]}>
            {(control) => (
              <Select {...control} name="timezone" defaultValue={me.timezone}>
                <option value="">As the browser’s</option>
                {zones.map((zone) => (
                  <option key={zone} value={zone}>
                    {zone}
                  </option>
                ))}
              </Select>
            )}
          </Field>
          {problem && Object.keys(problem.fields).length === 0 ? <ProblemPanel problem={problem} /> : null}
          <Button type="submit" look="primary" busy={change.isPending} className="justify-self-start">
            Save profile
          </Button>
        </form>
      </Card>
      <OwnDataSection />
    </>
  );
}
