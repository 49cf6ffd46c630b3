import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { refusal, useMe } from "@/api/me";
import { DataTable, type Column } from "@/components/data-table";
import { FormDialog } from "@/components/form-dialog";
import { Loaded } from "@/components/loaded";
import { RowAction } from "@/components/row-action";
import { Badge } from "@/components/ui/badge";
import { Field, Input, Textarea } from "@/components/ui/input";

import { asText, fromText, settingsOf, type Setting } from "../config";
import { useSaveConfig } from "../mutations";
import { configQuery } from "../queries";

const FROM: Record<Setting["from"], string> = { default: "default", file: "config.yml", database: "set here" };

const COLUMNS: Column<Setting>[] = [
  { head: "Key", className: "font-mono text-code break-all", order: (setting) => setting.key, cell: (setting) => setting.key },
  {
    head: "Value in force",
    className: "max-w-96 truncate font-mono text-code",
    title: (setting) => asText(setting.value),
    cell: (setting) => asText(setting.value) || <span className="text-muted">not set</span>,
  },
  {
    head: "From",
    order: (setting) => setting.from,
    cell: (setting) => <Badge tone={setting.from === "default" ? "quiet" : "accent"}>{FROM[setting.from]}</Badge>,
  },
];

export function ConfigTab({ agentId }: { agentId: string }) {
  const me = useMe();
  const config = useQuery(configQuery(agentId));
  const [edited, setEdited] = useState<Setting | null>(null);
  const refused = refusal(me, "member");
  return (
    <Loaded query={config}>
      {(found) => (
        <>
          <DataTable
            label="Config"
            rows={settingsOf(found.config, found.layers, found.overrides)}
            columns={COLUMNS}
            id={(setting) => setting.key}
            actions={(setting) => (
              <RowAction label={`Change ${setting.key}`} refusal={refused} onClick={() => setEdited(setting)}>
                Change
              </RowAction>
            )}
          />
          {edited ? (
            <SettingForm key={edited.key} agentId={agentId} setting={edited} version={found.version} onClose={() => setEdited(null)} />
          ) : null}
        </>
      )}
    </Loaded>
  );
}

interface SettingFormProps {
  agentId: string;
  setting: Setting;
  /** Of the agent when its config was read: an edit that somebody overtook is refused. */
  version: number;
  onClose: () => void;
}

function SettingForm({ agentId, setting, version, onClose }: SettingFormProps) {
  const save = useSaveConfig(agentId);
  const [wrong, setWrong] = useState("");
  const isLong = typeof setting.value === "object" && setting.value !== null;
  const submit = (values: FormData) => {
    const text = ((values.get("value") as string | null) ?? "").trim();
    let value: unknown;
    try {
      value = fromText(text, setting.value);
    } catch {
      setWrong("This is no valid JSON.");
      throw new Error("The value cannot be read.");
    }
    setWrong("");
    return save.mutateAsync({ version, config: { [setting.key]: value } });
  };
  return (
    <FormDialog
      open
      onOpenChange={onClose}
      title={`Change ${setting.key}`}
      description="Comments and order of config.yml stay. Empty: back to the default."
      action="Save value"
      onSubmit={async (values) => submit(values)}
    >
      {(errors) => (
        <Field label="Value" error={wrong || errors[setting.key] || errors["config"]} hint={isLong ? "JSON" : undefined}>
          {(control) =>
            isLong ? (
              <Textarea {...control} name="value" rows={8} className="font-mono text-code" defaultValue={JSON.stringify(setting.value, null, 2)} />
            ) : (
              <Input {...control} name="value" className="font-mono text-code" defaultValue={asText(setting.value)} autoComplete="off" />
            )
          }
        </Field>
      )}
    </FormDialog>
  );
}
