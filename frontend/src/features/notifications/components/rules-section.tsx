import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Plus, Send } from "lucide-react";
import { useState } from "react";

import { useMe } from "@/api/me";
import { DataTable, type Column } from "@/components/data-table";
import { ChoiceField, TextField } from "@/components/fields";
import { FormDialog, textOf } from "@/components/form-dialog";
import { Loaded } from "@/components/loaded";
import { RowAction } from "@/components/row-action";
import { Button } from "@/components/ui/button";
import { Confirm } from "@/components/ui/confirm";
import { EmptyState } from "@/components/ui/empty-state";
import { PageHeader } from "@/components/ui/page-header";
import { failed, said } from "@/lib/toast";

import { PATTERNS, patternWord } from "../kinds";
import { rulesQuery, useSaveRules, useSendTest, webhooksQuery, type Rule, type Webhook } from "../queries";

type Sink = "email" | "webhook";

const SINKS: Record<Sink, string> = { email: "Mail", webhook: "Webhook" };
const LEVELS: Record<NonNullable<Rule["min_level"]>, string> = {
  info: "Everything",
  warning: "Warnings and errors",
  error: "Errors only",
};
const DIGESTS: Record<NonNullable<Rule["digest"]>, string> = {
  none: "At once",
  hourly: "Together, once an hour",
  daily: "Together, at 08:00",
};

/** A rule and its place among all: the API knows them only together. */
interface Placed {
  rule: Rule;
  at: number;
}

export function RulesSection() {
  const me = useMe();
  const rules = useQuery(rulesQuery());
  const webhooks = useQuery(webhooksQuery());
  const save = useSaveRules();
  const test = useSendTest();
  const [edited, setEdited] = useState<Placed | "new" | null>(null);
  const [leaving, setLeaving] = useState<Placed | null>(null);
  const all = rules.data ?? [];
  const store = (rule: Rule) =>
    save.mutateAsync(edited === "new" || edited === null ? [...all, rule] : all.map((each, at) => (at === edited.at ? rule : each)));
  return (
    <>
      <PageHeader
        title="Rules"
        actions={
          <>
            <Button
              busy={test.isPending}
              onClick={() =>
                test.mutate(undefined, {
                  onSuccess: () => said("A test is on its way"),
                  onError: (error) => failed("No test was sent", error),
                })
              }
            >
              <Send aria-hidden />
              Send me a test
            </Button>
            <Button look="primary" refusal={rules.data ? null : "The rules are not there yet."} onClick={() => setEdited("new")}>
              <Plus aria-hidden />
              New rule
            </Button>
          </>
        }
      >
        The inbox has everything. Rules say what also goes out by mail or webhook; times are {me.timezone || "UTC"} (
        <Link to="/profile/$section" params={{ section: "info" }} className="text-accent underline">
          change
        </Link>
        ).
      </PageHeader>
      <Loaded query={rules}>
        {(found) =>
          found.length === 0 ? (
            <EmptyState title="You have no rule.">Mail goes out about your account alone: a new device, a key, the password.</EmptyState>
          ) : (
            <DataTable
              label="Rules"
              rows={found.map((rule, at) => ({ rule, at }))}
              columns={columns(webhooks.data ?? [])}
              id={({ at }) => at}
              actions={(placed) => (
                <>
                  <RowAction label={`Change rule ${placed.at + 1}`} onClick={() => setEdited(placed)}>
                    Change
                  </RowAction>
                  <RowAction label={`Delete rule ${placed.at + 1}`} onClick={() => setLeaving(placed)}>
                    Delete
                  </RowAction>
                </>
              )}
            />
          )
        }
      </Loaded>
      {edited ? (
        <RuleForm
          rule={edited === "new" ? null : edited.rule}
          webhooks={webhooks.data ?? []}
          onSave={store}
          onClose={() => setEdited(null)}
        />
      ) : null}
      <Confirm
        open={leaving !== null}
        onOpenChange={() => setLeaving(null)}
        title="Delete this rule?"
        action="Delete rule"
        onConfirm={() => save.mutateAsync(all.filter((_, at) => at !== leaving?.at))}
      >
        {leaving ? `${patternWord(leaving.rule.kind ?? "*")} no longer goes out by it.` : null}
      </Confirm>
    </>
  );
}

/** `22:00` out of `22:00:00`. */
const clockOf = (time: string | null | undefined): string => (time ?? "").slice(0, 5);

const columns = (webhooks: readonly Webhook[]): Column<Placed>[] => [
  { head: "About", className: "font-medium", cell: ({ rule }) => patternWord(rule.kind ?? "*") },
  {
    head: "Goes to",
    cell: ({ rule }) =>
      rule.sink === "webhook"
        ? `webhook ${webhooks.find((each) => each.id === rule.webhook)?.name ?? rule.webhook ?? ""}`
        : rule.sink === "email"
          ? "mail"
          : "the inbox",
  },
  { head: "Level", cell: ({ rule }) => LEVELS[rule.min_level ?? "info"] },
  { head: "When", cell: ({ rule }) => DIGESTS[rule.digest ?? "none"] },
  {
    head: "Quiet",
    cell: ({ rule }) => (rule.quiet_from ? `${clockOf(rule.quiet_from)} to ${clockOf(rule.quiet_until)}` : "never"),
  },
];

interface RuleFormProps {
  /** Null: a new one. */
  rule: Rule | null;
  webhooks: readonly Webhook[];
  onSave: (rule: Rule) => Promise<unknown>;
  onClose: () => void;
}

function RuleForm({ rule, webhooks, onSave, onClose }: RuleFormProps) {
  const [sink, setSink] = useState<Sink>(rule?.sink === "webhook" ? "webhook" : "email");
  const submit = (values: FormData) => {
    const from = textOf(values, "quiet_from");
    const until = textOf(values, "quiet_until");
    return onSave({
      kind: textOf(values, "kind"),
      sink,
      webhook: sink === "webhook" ? textOf(values, "webhook") : null,
      min_level: textOf(values, "min_level") as NonNullable<Rule["min_level"]>,
      digest: textOf(values, "digest") as NonNullable<Rule["digest"]>,
      quiet_from: from || null,
      quiet_until: until || null,
    });
  };
  const kind = rule?.kind ?? "*";
  return (
    <FormDialog open onOpenChange={onClose} title={rule ? "Change rule" : "New rule"} action="Save rule" onSubmit={submit}>
      {(errors) => (
        <>
          <ChoiceField name="kind" label="About" options={{ [kind]: patternWord(kind), ...PATTERNS }} defaultValue={kind} errors={errors} />
          <ChoiceField
            name="min_level"
            label="Of these"
            options={LEVELS}
            defaultValue={rule?.min_level ?? "info"}
            errors={errors}
          />
          <ChoiceField name="sink" label="Goes to" options={SINKS} value={sink} onChoose={setSink} errors={errors} />
          {sink === "webhook" ? (
            <ChoiceField
              name="webhook"
              label="Which webhook"
              hint={webhooks.length === 0 ? "You have none yet: make one under Webhooks." : undefined}
              options={Object.fromEntries(webhooks.map((each) => [each.id, each.name]))}
              defaultValue={rule?.webhook ?? undefined}
              required
              errors={errors}
            />
          ) : null}
          <ChoiceField name="digest" label="When" options={DIGESTS} defaultValue={rule?.digest ?? "none"} errors={errors} />
          <div className="grid grid-cols-2 gap-4">
            <TextField name="quiet_from" type="time" label="Quiet from" defaultValue={clockOf(rule?.quiet_from)} errors={errors} />
            <TextField name="quiet_until" type="time" label="Quiet until" hint="What comes meanwhile waits." defaultValue={clockOf(rule?.quiet_until)} errors={errors} />
          </div>
        </>
      )}
    </FormDialog>
  );
}
