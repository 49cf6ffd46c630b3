"""Finding people by name or address, for administrators."""

from collections.abc import Collection, Iterable

from django.db.models import Q

from apps.accounts.models import User
from apps.core.api.callers import Caller
from apps.core.search import Hit


def person_search(caller: Caller, words: Collection[str], most: int) -> Iterable[Hit]:
    if not caller.is_admin:
        return []
    wanted = Q(kind=User.Kind.PERSON, deleted_at=None)
    for word in words:
        wanted &= (
            Q(display_name__icontains=word) | Q(email__icontains=word) | Q(username__icontains=word)
        )
    return [
        Hit(kind="person", id=user.pk, title=str(user), detail=user.email)
        for user in User.objects.filter(wanted).order_by("display_name", "email")[:most]
    ]
