"""The ways out, found through one table: a sink sends and raises `SinkFailed`."""

from collections.abc import Callable, Sequence
from typing import Final

from apps.notifications.models import Delivery, Sink
from apps.notifications.sinks.email import email_send
from apps.notifications.sinks.failed import SinkFailed
from apps.notifications.sinks.webhook import webhook_send

# Deliveries of one person to one address: several only for a digest.
SINKS: Final[dict[str, Callable[[Sequence[Delivery]], None]]] = {
    Sink.EMAIL: email_send,
    Sink.WEBHOOK: webhook_send,
}

__all__ = ["SINKS", "SinkFailed"]
