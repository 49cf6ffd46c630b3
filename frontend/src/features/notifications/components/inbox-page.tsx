import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { Bell } from "lucide-react";

import { inboxQuery, unreadQuery, useMarkAllRead } from "@/api/notifications";
import { rowsOf } from "@/api/paging";
import { Loaded } from "@/components/loaded";
import { More } from "@/components/more";
import { NoMatch } from "@/components/no-match";
import { NotificationRow } from "@/components/notifications/notification-row";
import { Pick } from "@/components/pick";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { EmptyState } from "@/components/ui/empty-state";
import { Page, PageHeader } from "@/components/ui/page-header";
import { failed } from "@/lib/toast";

import { KINDS } from "../kinds";
import { NotificationsNav } from "./notifications-nav";

const route = getRouteApi("/_shell/notifications/");

export function InboxPage() {
  const filter = route.useSearch();
  const navigate = route.useNavigate();
  const inbox = useInfiniteQuery({ ...inboxQuery(filter), placeholderData: keepPreviousData });
  const { data } = useQuery(unreadQuery());
  const readAll = useMarkAllRead();
  const set = (change: typeof filter) => void navigate({ search: (old) => ({ ...old, ...change }), replace: true });
  const unread = data?.unread ?? 0;
  return (
    <Page className="mx-0 max-w-[1000px]">
      <PageHeader
        title="Notifications"
        mark={unread > 0 ? <Badge tone="accent">{unread} unread</Badge> : null}
        actions={
          <>
            <Pick
              label="Which"
              value={filter.unread ? "unread" : "all"}
              options={{ all: "Read and unread", unread: "Unread" }}
              onChange={(which) => set({ unread: which === "unread" || undefined })}
            />
            <Pick
              label="Kind"
              value={filter.kind ?? ""}
              options={{ "": "Every kind", ...KINDS }}
              onChange={(kind) => set({ kind: kind || undefined })}
            />
            <Button
              refusal={unread > 0 ? null : "Nothing is unread."}
              busy={readAll.isPending}
              onClick={() => readAll.mutate(undefined, { onError: (error) => failed("They are still unread", error) })}
            >
              Mark all read
            </Button>
          </>
        }
      />
      <NotificationsNav />
      <Loaded query={inbox}>
        {(found) => {
          const rows = rowsOf(found);
          if (rows.length === 0)
            return filter.unread || filter.kind ? (
              <NoMatch
                title="No notification fits."
                clear={
                  <Link to="/notifications" search={{}}>
                    Clear filters
                  </Link>
                }
              />
            ) : (
              <EmptyState icon={Bell} title="Nothing has been told you yet.">
                When a run fails or waits for you, a budget ends or something happens to your account, you read it here.
              </EmptyState>
            );
          return (
            <>
              <ul className="divide-y overflow-hidden rounded-card border bg-surface">
                {rows.map((each) => (
                  <NotificationRow key={each.id} notification={each} />
                ))}
              </ul>
              <More query={inbox} what="notifications" />
            </>
          );
        }}
      </Loaded>
    </Page>
  );
}
