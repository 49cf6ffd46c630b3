import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";

import { allauth } from "./allauth";

const PATH = "/account/providers";

/** An account at an identity provider that signs the caller in. */
export interface Connection {
  uid: string;
  display: string;
  provider: { id: string; name: string };
}

export const connectionsQuery = () =>
  queryOptions({
    queryKey: ["connections"],
    queryFn: async () => (await allauth<Connection[]>("GET", PATH)).data,
  });

export function useDisconnect() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ provider, uid }: Connection) => allauth("DELETE", PATH, { provider: provider.id, account: uid }),
    onSuccess: () => client.invalidateQueries({ queryKey: connectionsQuery().queryKey }),
  });
}
