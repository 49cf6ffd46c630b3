"""Webhooks, signed as Standard Webhooks says (https://www.standardwebhooks.com)."""

import base64
import hashlib
import hmac
import time
from collections.abc import Sequence
from typing import Any

import orjson
from django.conf import settings

from apps.core.crypto import sealed_get
from apps.core.errors import DjinnError
from apps.core.events import timestamp
from apps.core.outbound import OutboundRefused, call_out
from apps.notifications.models import Delivery, Notification
from apps.notifications.sinks.failed import SinkFailed

SECRET_PREFIX = "whsec_"  # noqa: S105  a name, not a secret


def webhook_send(deliveries: Sequence[Delivery]) -> None:
    webhook = deliveries[0].webhook
    assert webhook is not None, "the rule named one, and its deliveries go with it"
    if not webhook.enabled:
        raise SinkFailed("The webhook is switched off.", hopeless=True)
    body = orjson.dumps(
        {
            "type": "notification",
            "timestamp": timestamp(deliveries[0].created_at),
            "data": {"items": [_told(delivery.notification) for delivery in deliveries]},
        }
    )
    headers = signed_headers(
        f"msg_{deliveries[0].pk}", int(time.time()), body, sealed_get(webhook, "secret")
    )
    # Asked anew: who allowed it may be no administrator any more.
    allow_private = webhook.allow_private and webhook.user.is_administrator
    try:
        answer = call_out(
            "POST", webhook.url, allow_private=allow_private, headers=headers, content=body
        )
    except OutboundRefused as exc:
        raise SinkFailed(exc.message, hopeless=True) from exc
    except DjinnError as exc:
        raise SinkFailed(exc.message) from exc
    if answer.status == 410:
        raise SinkFailed("The receiver wants no more (410).", hopeless=True)
    if not 200 <= answer.status < 300:
        raise SinkFailed(f"The receiver answers with {answer.status}.")


def signed_headers(id: str, at: int, body: bytes, secret: str) -> dict[str, str]:
    """`secret` is `whsec_` and base64. The id stays when a message is sent again."""
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    digest = hmac.new(key, f"{id}.{at}.".encode() + body, hashlib.sha256).digest()
    return {
        "Content-Type": "application/json",
        "User-Agent": f"DjinnBot/{settings.VERSION}",
        "webhook-id": id,
        "webhook-timestamp": str(at),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


def _told(notification: Notification) -> dict[str, Any]:
    return {
        "id": notification.pk,
        "kind": notification.kind,
        "level": notification.level,
        "title": notification.title,
        "body": notification.body,
        "url": f"{settings.BASE_URL}{notification.link}" if notification.link else "",
        "object": {"kind": notification.object_kind, "id": notification.object_id},
        "count": notification.count,
        "created_at": timestamp(notification.created_at),
    }
