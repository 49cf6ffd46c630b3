"""Reading what core keeps."""

from apps.core.models import Event


def events_unpublished_count() -> int:
    return Event.objects.filter(published_at=None).count()
