"""What nobody can use any more."""

from datetime import timedelta
from importlib import import_module

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from apps.accounts.models import DataExport, DeviceSignIn, SessionToken, StreamTicket, WaitlistEntry

UNCONFIRMED_KEPT = timedelta(days=7)


def accounts_prune() -> int:
    """Delete tickets, session tokens and browser sessions that nobody can use any more."""
    import_module(settings.SESSION_ENGINE).SessionStore.clear_expired()
    day_ago = timezone.now() - timedelta(days=1)
    old = Q(expires_at__lt=day_ago)
    DeviceSignIn.objects.filter(old).delete()
    DataExport.objects.filter(created_at__lt=day_ago - timedelta(hours=1)).delete()
    tickets, _ = StreamTicket.objects.filter(old).delete()
    week_ago = timezone.now() - UNCONFIRMED_KEPT
    WaitlistEntry.objects.filter(is_confirmed=False, created_at__lt=week_ago).delete()
    tokens, _ = SessionToken.objects.filter(old | Q(revoked_at__lt=day_ago)).delete()
    return tickets + tokens
