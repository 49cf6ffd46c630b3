import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import { latestQuery, useMarkAllRead } from "@/api/notifications";
import { Loaded } from "@/components/loaded";
import { Button } from "@/components/ui/button";
import { failed } from "@/lib/toast";

import { NotificationRow } from "./notification-row";

interface LatestProps {
  unread: number;
  /** The person went somewhere from here. */
  onGo: () => void;
}

/** The newest notifications, below the bell. */
export default function Latest({ unread, onGo }: LatestProps) {
  const latest = useQuery(latestQuery());
  const readAll = useMarkAllRead();
  return (
    <>
      <div className="flex h-11 items-center justify-between gap-3 border-b px-3 text-sm">
        <h2 className="font-semibold">Notifications</h2>
        {unread > 0 ? (
          <Button
            size="sm"
            look="quiet"
            busy={readAll.isPending}
            onClick={() => readAll.mutate(undefined, { onError: (error) => failed("They are still unread", error) })}
          >
            Mark all read
          </Button>
        ) : null}
      </div>
      <div className="max-h-[min(28rem,60dvh)] overflow-y-auto">
        <Loaded query={latest}>
          {({ items }) =>
            items.length === 0 ? (
              <p className="px-3 py-6 text-center text-sm text-muted">Nothing has been told you yet.</p>
            ) : (
              <ul className="divide-y">
                {items.map((each) => (
                  <NotificationRow key={each.id} notification={each} onGo={onGo} isShort />
                ))}
              </ul>
            )
          }
        </Loaded>
      </div>
      <div className="border-t px-3 py-2 text-sm">
        <Link to="/notifications" onClick={onGo} className="text-accent hover:underline">
          All notifications
        </Link>
      </div>
    </>
  );
}
