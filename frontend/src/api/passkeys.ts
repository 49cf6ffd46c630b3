/** Passkeys: what the browser does between allauth's two calls. */
import { allauth, type Answer } from "./allauth";

interface RequestOptions {
  request_options: { publicKey: PublicKeyCredentialRequestOptionsJSON };
}
interface CreationOptions {
  creation_options: { publicKey: PublicKeyCredentialCreationOptionsJSON };
}

/** Whether this browser can do it with JSON. */
export const passkeysWork = (): boolean =>
  typeof PublicKeyCredential !== "undefined" && "parseRequestOptionsFromJSON" in PublicKeyCredential;

/** Prove who one is at `path`: `/auth/webauthn/login`, `…/authenticate` or `…/reauthenticate`. */
export async function provePasskey(path: string): Promise<Answer> {
  const { data } = await allauth<RequestOptions>("GET", path);
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(data.request_options.publicKey);
  const credential = await navigator.credentials.get({ publicKey });
  if (!(credential instanceof PublicKeyCredential)) throw new Error("No passkey was chosen.");
  return allauth("POST", path, { credential: credential.toJSON() as unknown });
}

/** Add a passkey under a name. It may also sign in by itself, without the password. */
export async function addPasskey(name: string): Promise<void> {
  const path = "/account/authenticators/webauthn";
  const { data } = await allauth<CreationOptions>("GET", `${path}?passwordless`);
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(data.creation_options.publicKey);
  const credential = await navigator.credentials.create({ publicKey });
  if (!(credential instanceof PublicKeyCredential)) throw new Error("No passkey was made.");
  await allauth("POST", path, { name, credential: credential.toJSON() as unknown });
}
