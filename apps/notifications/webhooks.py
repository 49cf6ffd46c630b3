"""Webhooks of people: made, changed, taken away."""

import base64
import secrets
from collections.abc import Mapping
from typing import Any

from django.db import transaction

from apps.accounts.audit import audit
from apps.accounts.models import User
from apps.core.crypto import sealed_set
from apps.core.errors import Forbidden, LimitReached, NotFound
from apps.notifications.models import Webhook
from apps.notifications.sinks.webhook import SECRET_PREFIX

MOST = 10  # a person


@transaction.atomic
def webhook_create(user: User, **fields: Any) -> tuple[Webhook, str]:
    """A webhook and its secret, which is given out this once. Raises LimitReached, Forbidden."""
    _may(user, fields)
    if Webhook.objects.filter(user=user).count() >= MOST:
        raise LimitReached(f"Nobody has more than {MOST} webhooks.", code="quota_exceeded")
    secret = SECRET_PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()
    row = Webhook(user=user, **fields)
    sealed_set(row, "secret", secret)
    row.save(force_insert=True)
    row.refresh_from_db()
    audit("webhook.create", row, {"name": row.name})
    return row, secret


@transaction.atomic
def webhook_change(user: User, webhook_id: str, changes: Mapping[str, Any]) -> Webhook:
    """Raises NotFound, also for one of somebody else, and Forbidden."""
    row = webhook_get(user, webhook_id)
    _may(user, changes)
    for name, value in changes.items():
        setattr(row, name, value)
    row.save(update_fields=list(changes))
    audit("webhook.change", row, {"changed": sorted(changes)})
    return row


@transaction.atomic
def webhook_delete(user: User, webhook_id: str) -> None:
    row = webhook_get(user, webhook_id)
    audit("webhook.delete", row, {"name": row.name})
    row.delete()


def webhook_get(user: User, webhook_id: str) -> Webhook:
    row = Webhook.objects.filter(user=user, pk=webhook_id).first()
    if row is None:
        raise NotFound("You have no such webhook.")
    return row


def _may(user: User, fields: Mapping[str, Any]) -> None:
    if fields.get("allow_private") and not user.is_administrator:
        raise Forbidden("Only administrators let calls into a private network.")
