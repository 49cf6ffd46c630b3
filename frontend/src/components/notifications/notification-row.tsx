import { Link } from "@tanstack/react-router";
import { Check, CircleAlert, Info, TriangleAlert, X, type LucideIcon } from "lucide-react";

import { useDismiss, useMarkRead, type Notification } from "@/api/notifications";
import { toneClass, type Tone } from "@/components/ui/badge";
import { IconButton } from "@/components/ui/button";
import { Time } from "@/components/ui/facts";
import { cn } from "@/lib/cn";
import { failed } from "@/lib/toast";

const LEVELS: Record<Notification["level"], { word: string; tone: Tone; icon: LucideIcon }> = {
  info: { word: "Information", tone: "run", icon: Info },
  warning: { word: "Warning", tone: "warn", icon: TriangleAlert },
  error: { word: "Error", tone: "bad", icon: CircleAlert },
};

interface NotificationRowProps {
  notification: Notification;
  /** Without all of its text. */
  isShort?: boolean;
  /** The person followed its link. */
  onGo?: () => void;
}

/** One notification: what, when, how often, and where it leads. Following its link reads it. */
export function NotificationRow({ notification, isShort = false, onGo }: NotificationRowProps) {
  const read = useMarkRead();
  const dismiss = useDismiss();
  const { word, tone, icon: Icon } = LEVELS[notification.level];
  const isUnread = !notification.read_at;
  const go = () => {
    if (isUnread) read.mutate(notification.id);
    onGo?.();
  };
  const onError = (error: unknown) => failed("The notification was not changed", error);
  return (
    <li className={cn("flex items-start gap-3 px-3 py-2.5 text-sm", isUnread && "bg-accent-tint")}>
      <Icon className={cn(toneClass[tone], "mt-0.5 size-4 shrink-0 text-tone")} role="img" aria-label={word} />
      <div className="min-w-0 flex-1">
        <p className="flex flex-wrap items-baseline gap-x-2">
          <span className={cn("min-w-0 break-words", isUnread && "font-semibold")}>
            {notification.link ? (
              <Link to={notification.link} onClick={go} className="hover:underline">
                {notification.title}
              </Link>
            ) : (
              notification.title
            )}
          </span>
          {(notification.count ?? 1) > 1 ? <span className="text-xs text-muted">{notification.count} times</span> : null}
          {isUnread ? <span className="sr-only">unread</span> : null}
          <Time at={notification.last_at} className="ml-auto text-xs text-muted" />
        </p>
        {notification.body ? (
          <p className={cn("mt-0.5 break-words whitespace-pre-line text-muted", isShort && "line-clamp-2")}>{notification.body}</p>
        ) : null}
      </div>
      <span className="-my-1 flex shrink-0">
        {isUnread ? (
          <IconButton label={`Mark as read: ${notification.title}`} title="Mark as read" onClick={() => read.mutate(notification.id, { onError })}>
            <Check aria-hidden />
          </IconButton>
        ) : null}
        {isShort ? null : (
          <IconButton label={`Put away: ${notification.title}`} title="Put away" onClick={() => dismiss.mutate(notification.id, { onError })}>
            <X aria-hidden />
          </IconButton>
        )}
      </span>
    </li>
  );
}
