import { useQuery } from "@tanstack/react-query";
import { Fingerprint, Plus } from "lucide-react";
import { useState } from "react";

import { ListTable, type Column } from "@/components/data-table";
import { RowAction } from "@/components/row-action";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Confirm } from "@/components/ui/confirm";
import { Dialog, DialogContent } from "@/components/ui/dialog";
import { EmptyState } from "@/components/ui/empty-state";
import { Time } from "@/components/ui/facts";
import { PageHeader } from "@/components/ui/page-header";
import { Status } from "@/components/ui/status";
import { failed } from "@/lib/toast";

import { oidcQuery, useChangeOidc, useDeleteOidc, useTestOidc, type OidcCheck, type OidcProvider } from "../oidc";
import { OidcForm } from "./oidc-form";

export function OidcSection() {
  const providers = useQuery(oidcQuery());
  const change = useChangeOidc();
  const test = useTestOidc();
  const remove = useDeleteOidc();
  const [edited, setEdited] = useState<OidcProvider | "new" | null>(null);
  const [leaving, setLeaving] = useState<OidcProvider | null>(null);
  const [tested, setTested] = useState<{ provider: OidcProvider; check: OidcCheck } | null>(null);
  const ask = (provider: OidcProvider) =>
    test.mutate(provider.id, {
      onSuccess: (check) => setTested({ provider, check }),
      onError: (error) => failed(`${provider.name} was not tested`, error),
    });
  const toggle = (provider: OidcProvider) =>
    change.mutate(
      { id: provider.id, enabled: !provider.enabled },
      { onError: (error) => failed(`${provider.name} was not changed`, error) },
    );
  return (
    <>
      <PageHeader
        title="Identity providers"
        actions={
          <Button look="primary" onClick={() => setEdited("new")}>
            <Plus aria-hidden />
            New provider
          </Button>
        }
      >
        Where people of a company sign in, by OpenID Connect. Its button stands above the password.
      </PageHeader>
      <ListTable
        query={providers}
        label="Identity providers"
        columns={COLUMNS}
        id={(provider) => provider.id}
        empty={<EmptyState icon={Fingerprint} title="There is no identity provider: people sign in with a password or passkey." />}
        actions={(provider) => (
          <>
            <RowAction
              label={`Test ${provider.name}`}
              busy={test.isPending && test.variables === provider.id}
              onClick={() => ask(provider)}
            >
              Test
            </RowAction>
            <RowAction label={`Switch ${provider.name} ${provider.enabled ? "off" : "on"}`} onClick={() => toggle(provider)}>
              Switch {provider.enabled ? "off" : "on"}
            </RowAction>
            <RowAction label={`Change ${provider.name}`} onClick={() => setEdited(provider)}>
              Change
            </RowAction>
            <RowAction label={`Delete ${provider.name}`} onClick={() => setLeaving(provider)}>
              Delete
            </RowAction>
          </>
        )}
      />
      {edited ? <OidcForm provider={edited === "new" ? null : edited} onClose={() => setEdited(null)} /> : null}
      <Dialog open={tested !== null} onOpenChange={() => setTested(null)}>
        {tested ? (
          <DialogContent
            title={tested.check.ok ? `${tested.provider.name} works` : `${tested.provider.name} does not work`}
            description="It was asked what it would be asked at a sign-in."
          >
            <Findings check={tested.check} />
          </DialogContent>
        ) : null}
      </Dialog>
      <Confirm
        open={leaving !== null}
        onOpenChange={() => setLeaving(null)}
        title={`Delete ${leaving?.name ?? ""}?`}
        action="Delete provider"
        onConfirm={() => remove.mutateAsync(leaving?.id ?? "")}
      >
        Accounts stay; people who came in by it need a password or another way in.
      </Confirm>
    </>
  );
}

const COLUMNS: Column<OidcProvider>[] = [
  {
    head: "Provider",
    cell: (provider) => (
      <>
        <span className="font-medium">{provider.name}</span>
        {provider.enabled ? null : <Badge className="ml-2">off</Badge>}
        {provider.has_secret ? null : <Badge className="ml-2">public client</Badge>}
        <span className="block font-mono text-code break-all text-muted">{provider.issuer}</span>
      </>
    ),
  },
  {
    head: "Makes accounts",
    cell: (provider) => (provider.create_users ? `yes, as ${provider.default_role}` : "no, only who is known"),
  },
  {
    head: "Domains",
    cell: (provider) => (Array.isArray(provider.allowed_domains) && provider.allowed_domains.length > 0 ? provider.allowed_domains.join(", ") : "every"),
  },
  {
    head: "Last test",
    cell: (provider) =>
      provider.last_test_at ? (
        <Status status={provider.last_test_ok ? "ok" : "error"}>
          <Time at={provider.last_test_at} />
        </Status>
      ) : (
        <span className="text-muted">never</span>
      ),
  },
  { head: "Made", cell: (provider) => <Time at={provider.created_at} /> },
];

function Findings({ check }: { check: OidcCheck }) {
  return (
    <ul className="divide-y rounded-card border text-sm">
      {check.checks.map((each) => (
        <li key={each.name} className="grid gap-0.5 px-3 py-2">
          <Status status={each.ok ? "ok" : "error"}>{each.name}</Status>
          {each.detail ? <span className="break-words text-muted">{each.detail}</span> : null}
        </li>
      ))}
    </ul>
  );
}
