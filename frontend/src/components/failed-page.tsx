import { useQueryErrorResetBoundary } from "@tanstack/react-query";
import { useRouter, type ErrorComponentProps } from "@tanstack/react-router";

import { isProblem } from "@/api/problem";

import { Page } from "./ui/page-header";
import { NotFound, ProblemPanel } from "./ui/problem-panel";

/** What a page shows when its loader or itself has failed. */
export function FailedPage({ error, reset }: ErrorComponentProps) {
  const router = useRouter();
  const queries = useQueryErrorResetBoundary();
  if (isProblem(error) && error.isMissing) return <NotFound />;
  const retry = () => {
    queries.reset();
    reset();
    void router.invalidate();
  };
  return (
    <Page>
      <h1 className="mb-4 text-xl font-semibold">This page could not be shown</h1>
      <ProblemPanel problem={error} onRetry={retry} />
    </Page>
  );
}
