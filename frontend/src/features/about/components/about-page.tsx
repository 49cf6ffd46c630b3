import { useSuspenseQuery } from "@tanstack/react-query";

import { statusQuery } from "@/api/system";
import { Facts } from "@/components/ui/facts";
import { Card, Page, PageHeader } from "@/components/ui/page-header";
import { Status } from "@/components/ui/status";

/** Versions and the health of the parts. */
export function AboutPage() {
  const { data } = useSuspenseQuery(statusQuery());
  const checks = Object.entries(data.checks).map(([name, told]): [string, React.ReactNode] => [
    name,
    <Status key={name} status={told === "ok" ? "ok" : "failed"}>
      {told === "ok" ? "OK" : told}
    </Status>,
  ]);
  return (
    <Page>
      <PageHeader title="About this instance" />
      <Card className="max-w-xl">
        <Facts items={[["Version", data.version], ...checks]} />
      </Card>
    </Page>
  );
}
