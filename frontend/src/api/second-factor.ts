import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";

import { allauth } from "./allauth";
import { meQuery } from "./me";

const ROOT = "/account/authenticators";

export interface Authenticator {
  type: "totp" | "recovery_codes" | "webauthn";
  created_at: number;
  last_used_at: number | null;
  /** Of a passkey. */
  id?: number;
  name?: string;
  /** Of recovery codes. */
  total_code_count?: number;
  unused_code_count?: number;
  unused_codes?: string[];
}

export const authenticatorsQuery = () =>
  queryOptions({
    queryKey: ["authenticators"],
    queryFn: async () => (await allauth<Authenticator[]>("GET", ROOT)).data,
  });

/** What an authenticator app needs: a secret and the address that a QR code carries. */
export const totpQuery = () =>
  queryOptions({
    queryKey: ["authenticators", "totp"],
    queryFn: async () => {
      const { meta } = await allauth("GET", `${ROOT}/totp`, undefined, [404]);
      return { secret: meta.secret ?? "", url: meta.totp_url ?? "" };
    },
    gcTime: 0, // a secret does not stay in the cache
    staleTime: Infinity,
  });

function useFactorMutation<Input, Result>(work: (input: Input) => Promise<Result>) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: work,
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: authenticatorsQuery().queryKey, exact: true });
      await client.invalidateQueries({ queryKey: meQuery.queryKey });
    },
  });
}

/** Turn the app's codes on with a first one. Gives the recovery codes, which are shown this once. */
export const useActivateTotp = () =>
  useFactorMutation(async (code: string) => {
    await allauth("POST", `${ROOT}/totp`, { code });
    const { data } = await allauth<Authenticator>("GET", `${ROOT}/recovery-codes`, undefined, [404]);
    return data.unused_codes ?? (await newRecoveryCodes());
  });

export const useDeactivateTotp = () => useFactorMutation(() => allauth("DELETE", `${ROOT}/totp`));

async function newRecoveryCodes(): Promise<string[]> {
  const { data } = await allauth<Authenticator>("POST", `${ROOT}/recovery-codes`, {});
  return data.unused_codes ?? [];
}

/** New recovery codes; the old ones stop working. */
export const useNewRecoveryCodes = () => useFactorMutation(newRecoveryCodes);

export const useRemovePasskey = () =>
  useFactorMutation((id: number) => allauth("DELETE", `${ROOT}/webauthn`, { authenticators: [id] }));

export const useChangePassword = () =>
  useFactorMutation((values: { current_password: string; new_password: string }) =>
    allauth("POST", "/account/password/change", values),
  );
