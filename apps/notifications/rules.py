"""Where a notification goes for one person, and when."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from fnmatch import fnmatchcase
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings

from apps.accounts.models import User
from apps.notifications.kinds import LEVELS, Level
from apps.notifications.models import Digest, Notification, NotificationRule, Sink

# Who has set nothing: mail about one's own account; the inbox has all in any case.
USUAL = (NotificationRule(kind="account.*", sink=Sink.EMAIL, min_level=Level.WARNING),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    sink: str
    webhook_id: str | None
    due_at: datetime
    is_digest: bool


def plans(
    notification: Notification, user: User, rules: list[NotificationRule], now: datetime
) -> list[Plan]:
    """One for each address; of several rules for one, the earliest."""
    found: dict[tuple[str, str | None], Plan] = {}
    for rule in rules or USUAL:
        if not _leads_out(rule, user) or not _matches(rule, notification):
            continue
        plan = Plan(
            sink=rule.sink,
            webhook_id=rule.webhook_id,
            due_at=due_at(rule, user, now),
            is_digest=rule.digest != Digest.NONE,
        )
        known = found.get((plan.sink, plan.webhook_id))
        if known is None or plan.due_at < known.due_at:
            found[plan.sink, plan.webhook_id] = plan
    return list(found.values())


def _leads_out(rule: NotificationRule, user: User) -> bool:
    """Whether it leads anywhere but to the inbox, which has all in any case."""
    if rule.sink == Sink.EMAIL:
        return bool(settings.EMAIL_HOST and user.email)
    return rule.sink == Sink.WEBHOOK


def _matches(rule: NotificationRule, notification: Notification) -> bool:
    loud_enough = LEVELS.index(notification.level) >= LEVELS.index(rule.min_level)
    return loud_enough and fnmatchcase(notification.kind, rule.kind)


def due_at(rule: NotificationRule, user: User, now: datetime) -> datetime:
    """Now, the end of quiet hours, or the next full hour or day of a digest."""
    local = now.astimezone(zone_of(user))
    if rule.digest == Digest.HOURLY:
        local = local.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    elif rule.digest == Digest.DAILY:
        local = local.replace(hour=8, minute=0, second=0, microsecond=0)
        local += timedelta(days=1) if local <= now else timedelta()
    if rule.quiet_from is not None and rule.quiet_until is not None:
        local = _after_quiet(local, rule.quiet_from, rule.quiet_until)
    return local.astimezone(now.tzinfo)


def _after_quiet(local: datetime, begin: time, end: time) -> datetime:
    clock = local.time()
    overnight = begin > end
    quiet = (clock >= begin or clock < end) if overnight else begin <= clock < end
    if not quiet:
        return local
    until = local.replace(hour=end.hour, minute=end.minute, second=0, microsecond=0)
    return until if until > local else until + timedelta(days=1)


def zone_of(user: User) -> ZoneInfo:
    try:
        return ZoneInfo(user.timezone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")
