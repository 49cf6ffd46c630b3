"""Sending what was written down: claimed under a row lock, sent without one, confirmed afterwards.

A process that dies between sending and confirming sends again; ids let receivers see that.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from itertools import groupby

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from apps.notifications.models import Delivery, Sink, Webhook
from apps.notifications.services import notify
from apps.notifications.sinks import SINKS, SinkFailed

TRY_LASTS = timedelta(minutes=2)  # after that another process may try
FIRST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(hours=1)
GIVEN_UP_AFTER = timedelta(hours=24)
BATCH = 50


def deliver_due(limit: int = 20) -> int:
    """Send what is due, in batches, and say how many messages were tried."""
    tried = 0
    for _ in range(limit):
        claimed = _claim()
        for group in _messages(claimed):
            _send(group)
            tried += 1
        if len(claimed) < BATCH:
            break
    return tried


@transaction.atomic
def _claim() -> list[Delivery]:
    now = timezone.now()
    due = Delivery.objects.filter(due_at__lte=now, done_at=None, given_up_at=None)
    rows = list(due.order_by("due_at", "pk").select_for_update(skip_locked=True)[:BATCH])
    Delivery.objects.filter(pk__in=[row.pk for row in rows]).update(
        due_at=now + TRY_LASTS, attempts=F("attempts") + 1
    )
    found = Delivery.objects.select_related("notification", "user", "webhook")
    return list(found.filter(pk__in=[row.pk for row in rows]).order_by("pk"))


def _messages(claimed: Iterable[Delivery]) -> list[list[Delivery]]:
    """Each on its own, but for digests: those of one address together."""
    single = [[row] for row in claimed if not row.is_digest]

    def address(row: Delivery) -> tuple[str, str, str]:
        return row.user_id, row.sink, row.webhook_id or ""

    digests = sorted((row for row in claimed if row.is_digest), key=address)
    return [*single, *(list(group) for _, group in groupby(digests, key=address))]


def _send(group: Sequence[Delivery]) -> None:
    try:
        SINKS[group[0].sink](group)
    except SinkFailed as exc:
        _failed(group, exc)
    else:
        ids = [row.pk for row in group]
        Delivery.objects.filter(pk__in=ids).update(done_at=timezone.now(), error="")
        Webhook.objects.filter(pk=group[0].webhook_id).update(failures=0)


@transaction.atomic
def _failed(group: Sequence[Delivery], exc: SinkFailed) -> None:
    now = timezone.now()
    given_up = False
    for row in group:
        pause = min(FIRST_PAUSE * 2 ** min(row.attempts - 1, 10), LONGEST_PAUSE)
        over = exc.hopeless or row.created_at < now - GIVEN_UP_AFTER
        given_up = given_up or over
        Delivery.objects.filter(pk=row.pk).update(
            error=exc.message[:300],
            due_at=now + pause,
            given_up_at=now if over else None,
        )
    Webhook.objects.filter(pk=group[0].webhook_id).update(failures=F("failures") + 1)
    if given_up:
        _tell(group[0], exc)


def _tell(row: Delivery, exc: SinkFailed) -> None:
    """Once for an address that fails, in the inbox; the way that fails is not used for it."""
    if row.notification.kind == "notification.undelivered":
        return
    where = f"the webhook “{row.webhook}”" if row.sink == Sink.WEBHOOK else "e-mail"
    notify(
        kind="notification.undelivered",
        user=row.user,
        body=f"By {where}: {exc.message}",
        link="/settings/notifications",
        dedupe_key=f"undelivered:{row.user_id}:{row.sink}:{row.webhook_id or ''}",
    )
