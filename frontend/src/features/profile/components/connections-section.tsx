import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";

import { authStatusQuery } from "@/api/auth-status";
import { isReauthenticated } from "@/api/client";
import { type Connection, connectionsQuery, useDisconnect } from "@/api/connections";
import { ProviderForm } from "@/components/provider-form";
import { RowAction } from "@/components/row-action";
import { Button } from "@/components/ui/button";
import { Confirm } from "@/components/ui/confirm";
import { Section } from "@/components/ui/page-header";
import { said } from "@/lib/toast";

const route = getRouteApi("/_shell/profile/$section");

/** Identity providers that sign this person in. Nothing where none is offered or connected. */
export function ConnectionsSection() {
  const { data: status } = useQuery(authStatusQuery());
  const { data: connections = [] } = useQuery(connectionsQuery());
  const [leaving, setLeaving] = useState<Connection | null>(null);
  useConnected(connections);
  const disconnect = useDisconnect();
  const offered = (status?.providers ?? []).filter(({ slug }) => !connections.some(({ provider }) => provider.id === slug));
  if (offered.length === 0 && connections.length === 0) return null;
  return (
    <Section title="Identity providers">
      <ul className="divide-y rounded-card border bg-surface">
        {connections.map((connection) => (
          <li key={connection.provider.id} className="flex items-center gap-3 px-4 py-2 text-sm">
            <span className="font-medium">{connection.provider.name}</span>
            <span className="min-w-0 truncate text-muted">signs you in as {connection.display}</span>
            <RowAction className="ml-auto" label={`Disconnect ${connection.provider.name}`} onClick={() => setLeaving(connection)}>
              Disconnect
            </RowAction>
          </li>
        ))}
        {offered.map(({ slug, label }) => <Offer key={slug} slug={slug} label={label} />)}
      </ul>
      <Confirm
        open={leaving !== null}
        onOpenChange={() => setLeaving(null)}
        title={`Disconnect ${leaving?.provider.name ?? ""}?`}
        action="Disconnect"
        onConfirm={() => (leaving ? disconnect.mutateAsync(leaving) : Promise.resolve())}
      >
        It no longer signs you in.
      </Confirm>
    </Section>
  );
}

/** Says once that the way to a provider and back has worked. */
function useConnected(connections: readonly Connection[]): void {
  const { connect, error } = route.useSearch();
  const navigate = route.useNavigate();
  const name = connections.find(({ provider }) => provider.id === connect)?.provider.name;
  useEffect(() => {
    if (error || !name) return;
    said(`${name} signs you in now`);
    void navigate({ search: {}, replace: true });
  }, [error, name, navigate]);
}

/** A provider that may be connected. The way there leads off this page; `connect` names it on the way back. */
function Offer({ slug, label }: { slug: string; label: string }) {
  const { connect, error } = route.useSearch();
  const navigate = route.useNavigate();
  const form = useRef<HTMLFormElement>(null);
  const isBack = connect === slug;
  const asksAgain = isBack && error === "reauthentication_required";
  const goOn = async () => {
    if (await isReauthenticated()) form.current?.requestSubmit();
    else await navigate({ search: {}, replace: true });
  };
  return (
    <li className="grid gap-2 px-4 py-2 text-sm">
      <div className="flex items-center gap-3">
        <span className="font-medium">{label}</span>
        <span className="text-muted">not connected</span>
        <span className="ml-auto">
          <ProviderForm ref={form} slug={slug} process="connect" callback={`/profile/security?connect=${encodeURIComponent(slug)}`}>
            <Button type="submit" size="sm" aria-label={`Connect ${label}`}>
              Connect
            </Button>
          </ProviderForm>
        </span>
      </div>
      {asksAgain ? (
        <p role="alert" className="flex flex-wrap items-center gap-2">
          Before {label} may sign you in, show once more who you are.
          <Button size="sm" look="primary" onClick={() => void goOn()}>
            Continue
          </Button>
        </p>
      ) : null}
      {isBack && error && !asksAgain ? (
        <p role="alert" className="text-bad">
          {label} was not connected.{" "}
          <a href={`/problems/${encodeURIComponent(error)}`} className="underline">
            Why, and what helps
          </a>
        </p>
      ) : null}
    </li>
  );
}
