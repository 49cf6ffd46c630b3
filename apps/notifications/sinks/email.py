"""E-mail, over the server that the settings name."""

from collections.abc import Sequence
from smtplib import SMTPException, SMTPRecipientsRefused

from django.conf import settings
from django.core.mail import EmailMessage

from apps.notifications.models import Delivery, Notification
from apps.notifications.sinks.failed import SinkFailed

_FOR_GOOD = 500  # answers of mail servers from here on will not change


def email_send(deliveries: Sequence[Delivery]) -> None:
    """One message, however many notifications. Its id is the delivery's, so that mail programs see
    a message that was sent twice as one."""
    address = deliveries[0].user.email
    if not settings.EMAIL_HOST:
        raise SinkFailed("This instance sends no mail: EMAIL_URL is not set.", hopeless=True)
    if not address:
        raise SinkFailed("This account has no e-mail address.", hopeless=True)
    notifications = [delivery.notification for delivery in deliveries]
    message = EmailMessage(
        subject=_subject(notifications),
        body="\n\n".join(_text(one) for one in notifications),
        to=[address],
        headers={
            "Message-ID": f"<delivery-{deliveries[0].pk}@djinnbot>",
            "Auto-Submitted": "auto-generated",
        },
    )
    try:
        message.send()
    except SMTPRecipientsRefused as exc:
        codes = [code for code, _ in exc.recipients.values()]
        raise SinkFailed(
            f"The mail server refuses the address ({codes[0]}).",
            hopeless=all(code >= _FOR_GOOD for code in codes),
        ) from exc
    except (SMTPException, OSError) as exc:
        raise SinkFailed(f"The mail server did not take it: {type(exc).__name__}.") from exc


def _subject(notifications: Sequence[Notification]) -> str:
    """On one line: a title may be anybody's text."""
    if len(notifications) == 1:
        return f"[DjinnBot] {' '.join(notifications[0].title.split())}"
    return f"[DjinnBot] {len(notifications)} notifications"


def _text(notification: Notification) -> str:
    link = f"{settings.BASE_URL}{notification.link}" if notification.link else ""
    return "\n".join(part for part in (notification.title, notification.body, link) if part)
