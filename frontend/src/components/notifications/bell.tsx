import { useQuery } from "@tanstack/react-query";
import { Bell as BellIcon } from "lucide-react";
import { lazy, Suspense, useState } from "react";

import { useMe } from "@/api/me";
import { notificationKeys, unreadQuery } from "@/api/notifications";
import { IconButton } from "@/components/ui/button";
import { Popover, PopoverContent, PopoverTrigger } from "@/components/ui/popover";
import { useFresh } from "@/hooks/use-fresh";
import { count } from "@/lib/format";

const Latest = lazy(() => import("./latest"));

const MOST_SHOWN = 99;

/** How many notifications are unread, live; the newest of them below it. */
export function Bell() {
  const me = useMe();
  const [open, setOpen] = useState(false);
  const { data } = useQuery(unreadQuery());
  useFresh(me.id ? `notifications:${me.id}` : null, () => [notificationKeys.all], [notificationKeys.all]);
  const unread = data?.unread ?? 0;
  return (
    <Popover open={open} onOpenChange={setOpen}>
      <PopoverTrigger asChild>
        <IconButton label={unread > 0 ? `Notifications, ${count(unread)} unread` : "Notifications"} className="relative">
          <BellIcon aria-hidden />
          {unread > 0 ? (
            <span
              aria-hidden
              className="absolute -top-0.5 -right-0.5 min-w-4 rounded-full bg-accent px-1 text-center text-[10px]/4 font-semibold text-on-accent"
            >
              {unread > MOST_SHOWN ? `${MOST_SHOWN}+` : unread}
            </span>
          ) : null}
        </IconButton>
      </PopoverTrigger>
      <PopoverContent className="w-[min(24rem,calc(100vw-1rem))] p-0" aria-label="Notifications">
        <Suspense fallback={<div className="h-24" />}>
          <Latest unread={unread} onGo={() => setOpen(false)} />
        </Suspense>
      </PopoverContent>
    </Popover>
  );
}
