import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";

import { api, ok } from "@/api/client";
import { byCursor, said } from "@/api/paging";
import type { paths } from "@/api/schema.gen";

export type AuditAsk = Omit<NonNullable<paths["/v1/auth/audit"]["get"]["parameters"]["query"]>, "cursor" | "limit" | "count">;

export const adminKeys = {
  users: ["admin", "users"] as const,
  invites: ["admin", "invites"] as const,
  keys: ["admin", "keys"] as const,
  audit: (ask: AuditAsk) => ["admin", "audit", ask] as const,
  verdict: ["admin", "audit-verdict"] as const,
  containers: ["admin", "containers"] as const,
  storage: ["admin", "storage"] as const,
  workers: ["admin", "workers"] as const,
};

export const usersQuery = () =>
  infiniteQueryOptions({
    ...byCursor,
    queryKey: adminKeys.users,
    queryFn: ({ pageParam, signal }) =>
      ok(api.GET("/v1/admin/users", { params: { query: said({ cursor: pageParam, limit: 100 }) }, signal })),
  });

export const invitesQuery = () =>
  infiniteQueryOptions({
    ...byCursor,
    queryKey: adminKeys.invites,
    queryFn: ({ pageParam, signal }) =>
      ok(api.GET("/v1/auth/invites", { params: { query: said({ cursor: pageParam }) }, signal })),
  });

export const serviceKeysQuery = () =>
  queryOptions({
    queryKey: [...adminKeys.keys, "service"],
    queryFn: ({ signal }) => ok(api.GET("/v1/auth/service-keys", { signal })),
  });

export const agentKeysQuery = () =>
  queryOptions({
    queryKey: [...adminKeys.keys, "agent"],
    queryFn: ({ signal }) => ok(api.GET("/v1/auth/agent-keys", { signal })),
  });

export const auditQuery = (ask: AuditAsk) =>
  infiniteQueryOptions({
    ...byCursor,
    queryKey: adminKeys.audit(ask),
    queryFn: ({ pageParam, signal }) =>
      ok(api.GET("/v1/auth/audit", { params: { query: said({ ...ask, cursor: pageParam }) }, signal })),
  });

/** Walks the whole log: asked for, not by itself. */
export const verdictQuery = () =>
  queryOptions({
    queryKey: adminKeys.verdict,
    queryFn: ({ signal }) => ok(api.GET("/v1/auth/audit/verify", { signal })),
    enabled: false,
    staleTime: Infinity,
  });

export const containersQuery = (live: boolean) =>
  infiniteQueryOptions({
    ...byCursor,
    queryKey: [...adminKeys.containers, live],
    queryFn: ({ pageParam, signal }) =>
      ok(
        api.GET("/v1/containers", {
          params: { query: said({ cursor: pageParam, live: live || undefined }) },
          signal,
        }),
      ),
  });

export const storageQuery = () =>
  queryOptions({
    queryKey: adminKeys.storage,
    queryFn: ({ signal }) => ok(api.GET("/v1/storage", { signal })),
  });

const WORKERS_MS = 15_000;

/** Workers have no topic: asked again while one looks. */
export const workersQuery = () =>
  queryOptions({
    queryKey: adminKeys.workers,
    queryFn: ({ signal }) => ok(api.GET("/v1/workers", { signal })),
    refetchInterval: WORKERS_MS,
  });
