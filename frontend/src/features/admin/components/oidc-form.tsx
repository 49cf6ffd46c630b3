import { useState } from "react";

import type { Schemas } from "@/api/client";
import { CheckField, ChoiceField, SecretField, TextField } from "@/components/fields";
import { FormDialog, textOf } from "@/components/form-dialog";
import { CopyBox } from "@/components/shown-once";
import { ROLE_WORDS } from "@/lib/roles";

import { useChangeOidc, useCreateOidc, type OidcProvider } from "../oidc";
import { GroupRoles, groupRolesOf, mapOf } from "./group-roles";

const FIRST_ROLES: Record<Schemas["DefaultRoleEnum"], string> = { member: ROLE_WORDS.member, viewer: ROLE_WORDS.viewer };

const words = (text: string): string[] => text.split(/[\s,]+/).filter(Boolean);
const listed = (value: unknown): string => (Array.isArray(value) ? value.join(" ") : "");

/** Make or change an identity provider. Its secret is written only. */
export function OidcForm({ provider, onClose }: { provider: OidcProvider | null; onClose: () => void }) {
  const create = useCreateOidc();
  const change = useChangeOidc();
  const [roles, setRoles] = useState(() => groupRolesOf(provider?.group_role_map));
  const submit = (values: FormData) => {
    const secret = textOf(values, "client_secret");
    const isOn = (name: string) => values.get(name) === "on";
    const body = {
      name: textOf(values, "name"),
      client_id: textOf(values, "client_id"),
      scopes: words(textOf(values, "scopes")),
      enabled: isOn("enabled"),
      allow_private: isOn("allow_private"),
      trust_email: isOn("trust_email"),
      allowed_domains: words(textOf(values, "allowed_domains")),
      create_users: isOn("create_users"),
      default_role: textOf(values, "default_role") as Schemas["DefaultRoleEnum"],
      group_claim: textOf(values, "group_claim") || "groups",
      group_role_map: mapOf(roles),
      ...(secret ? { client_secret: secret } : {}),
    };
    if (provider) return change.mutateAsync({ id: provider.id, ...body });
    return create.mutateAsync({ ...body, slug: textOf(values, "slug"), issuer: textOf(values, "issuer") });
  };
  return (
    <FormDialog
      open
      onOpenChange={onClose}
      title={provider ? `Change ${provider.name}` : "New identity provider"}
      action={provider ? "Save provider" : "Make provider"}
      onSubmit={submit}
    >
      {(errors) => (
        <>
          {provider ? <RedirectAddress provider={provider} /> : null}
          <TextField name="name" label="Name" hint="What stands on its button." required defaultValue={provider?.name} errors={errors} />
          {provider ? null : (
            <>
              <TextField name="slug" label="Short name" hint="In addresses; it stays for ever." required pattern="[a-z0-9][a-z0-9\-]{1,31}" errors={errors} />
              <TextField name="issuer" type="url" label="Issuer" hint="As in its discovery document." required placeholder="https://id.example.org" errors={errors} />
            </>
          )}
          <TextField name="client_id" label="Client id" required defaultValue={provider?.client_id} errors={errors} />
          <SecretField
            name="client_secret"
            label="Client secret"
            hint={provider?.has_secret ? "There is one. Empty: it stays." : "Never shown again. Empty: a public client."}
            errors={errors}
          />
          <TextField name="scopes" label="Scopes" hint="With blanks between." defaultValue={listed(provider?.scopes) || "openid email profile"} errors={errors} />
          <TextField
            name="allowed_domains"
            label="Domains of addresses that may come in"
            hint="With blanks between. Empty: everybody whom it knows."
            defaultValue={listed(provider?.allowed_domains)}
            errors={errors}
          />
          <CheckField name="create_users" label="Make accounts of people who have none" defaultChecked={provider?.create_users ?? true} />
          <ChoiceField name="default_role" label="Their role" options={FIRST_ROLES} defaultValue={provider?.default_role ?? "member"} errors={errors} />
          <TextField name="group_claim" label="Claim that names groups" defaultValue={provider?.group_claim ?? "groups"} errors={errors} />
          <GroupRoles rows={roles} onChange={setRoles} error={errors["group_role_map"]} />
          <CheckField
            name="trust_email"
            label="Trust addresses that it verified"
            hint="They find accounts that have no password."
            defaultChecked={provider?.trust_email ?? false}
          />
          <CheckField
            name="allow_private"
            label="It stands in our own network"
            hint="Without this, private addresses are refused."
            defaultChecked={provider?.allow_private ?? false}
          />
          <CheckField name="enabled" label="People may sign in with it" defaultChecked={provider?.enabled ?? true} />
        </>
      )}
    </FormDialog>
  );
}

/** What its administrators must register there, exactly so. */
function RedirectAddress({ provider }: { provider: OidcProvider }) {
  return (
    <div>
      <p className="mb-1 text-sm font-medium">Redirect address, to be registered at the provider</p>
      <CopyBox text={provider.redirect_uri} />
    </div>
  );
}
