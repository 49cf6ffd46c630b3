import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { api, ok } from "@/api/client";
import { useMe } from "@/api/me";
import { problemOf } from "@/api/problem";
import { Button } from "@/components/ui/button";
import { Facts, Time } from "@/components/ui/facts";
import { Field, Input } from "@/components/ui/input";
import { ProblemPanel } from "@/components/ui/problem-panel";
import { Skeleton } from "@/components/ui/skeleton";

import { deviceQuery } from "../queries";
import { entryOf, useEntry } from "../use-entry";
import { EntryFrame } from "./entry-frame";

/** Let a program without a browser in: it shows a code, which stands in the address or is typed here. */
export function DevicePage({ code }: { code: string | undefined }) {
  const [typed, setTyped] = useState(code ?? "");
  const [answer, setAnswer] = useState<"in" | "out" | null>(null);
  if (answer)
    return (
      <EntryFrame title={answer === "in" ? "The program is let in" : "The program was sent away"}>
        <p role="status" className="text-sm">
          {answer === "in" ? "It goes on by itself. You find it among your sessions and keys." : "It got nothing."} You may close
          this page.
        </p>
      </EntryFrame>
    );
  if (!typed) return <CodeForm onCode={setTyped} />;
  return <Decision code={typed} onAnswer={setAnswer} onOther={() => setTyped("")} />;
}

function CodeForm({ onCode }: { onCode: (code: string) => void }) {
  const { onSubmit } = useEntry();
  return (
    <EntryFrame title="Let a program in" lead="Type the code that it shows.">
      <form onSubmit={onSubmit((values) => Promise.resolve(onCode(entryOf(values, "code").trim())))} className="grid gap-4">
        <Field label="Code">
          {(control) => <Input {...control} name="code" required autoFocus autoComplete="off" spellCheck={false} className="font-mono uppercase" />}
        </Field>
        <Button type="submit" look="primary" size="lg">
          Continue
        </Button>
      </form>
    </EntryFrame>
  );
}

interface DecisionProps {
  code: string;
  onAnswer: (answer: "in" | "out") => void;
  onOther: () => void;
}

function Decision({ code, onAnswer, onOther }: DecisionProps) {
  const me = useMe();
  const device = useQuery(deviceQuery(code));
  const { busy, problem, attempt } = useEntry();
  const decide = (allow: boolean) =>
    void attempt(async () => {
      await ok(api.POST("/v1/auth/device/{code}", { params: { path: { code } }, body: { allow } }));
      onAnswer(allow ? "in" : "out");
    });
  if (device.isPending)
    return (
      <EntryFrame title="Let a program in?">
        <Skeleton className="h-24" />
      </EntryFrame>
    );
  if (device.error)
    return (
      <EntryFrame title="Let a program in?">
        <ProblemPanel problem={problemOf(device.error)} onRetry={() => void device.refetch()} />
        <Button className="mt-4" onClick={onOther}>
          Type another code
        </Button>
      </EntryFrame>
    );
  return (
    <EntryFrame title="Let this program in?" lead={`It may then do all that you may, as ${me.display_name || me.email || me.username}.`}>
      <Facts
        items={[
          ["Code", <span className="font-mono" key="code">{code.toUpperCase()}</span>],
          ["It says it is", device.data.name],
          ["It asks from", device.data.ip ?? "this machine"],
          ["Since", <Time at={device.data.created_at} key="at" />],
        ]}
      />
      <p className="mt-4 text-sm text-muted">
        Only if you have just started it yourself, and it shows this code. Whoever else sent you here would get your account.
      </p>
      {problem ? <ProblemPanel problem={problem} className="mt-4" /> : null}
      <div className="mt-5 flex flex-wrap justify-end gap-2">
        <Button size="lg" disabled={busy} onClick={() => decide(false)}>
          Send it away
        </Button>
        <Button look="primary" size="lg" busy={busy} onClick={() => decide(true)}>
          Let it in
        </Button>
      </div>
    </EntryFrame>
  );
}
