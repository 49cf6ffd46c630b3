import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";

import { ProblemPanel } from "./ui/problem-panel";
import { SkeletonRows } from "./ui/skeleton";

interface LoadedProps<Data> {
  query: Pick<UseQueryResult<Data>, "data" | "error" | "refetch">;
  /** In the shape of the content. */
  skeleton?: ReactNode;
  children: (data: Data) => ReactNode;
}

/**
 * What a query brought; while it is on its way its shape, and the problem with Retry when it failed.
 * Old data stays when reading it anew fails, and the problem stands above it.
 */
export function Loaded<Data>({ query, skeleton, children }: LoadedProps<Data>) {
  const { data, error, refetch } = query;
  const problem = error ? (
    <ProblemPanel problem={error} onRetry={() => void refetch()} className="mb-3" />
  ) : null;
  if (data === undefined) return problem ?? skeleton ?? <SkeletonRows />;
  return (
    <>
      {problem}
      {children(data)}
    </>
  );
}
