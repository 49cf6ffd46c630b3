"""Secrets that end, and values that are old."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from apps.accounts.models import User
from apps.notifications.models import Notification
from apps.secrets.models import Secret
from apps.secrets.services import secret_create, secret_revoke, secret_update, secrets_due_tell
from workers.tasks.upkeep import retention

pytestmark = pytest.mark.django_db
Person = Callable[..., User]


@pytest.fixture
def ada(person: Person) -> User:
    return person("ada")


def kept(by: User, name: str, **fields: Any) -> Secret:
    return secret_create(by=by, name=name, type="env", value="a-value-4711", **fields)


def days(count: float) -> Any:
    return timezone.now() + timedelta(days=count)


def told() -> list[tuple[str, str, str]]:
    rows = Notification.objects.filter(kind__startswith="secret.").order_by("created_at", "id")
    return [(row.kind, row.user.email if row.user else row.role, row.body) for row in rows]


def test_owners_are_told_once_for_each_date(ada: User) -> None:
    ends = kept(ada, "Ends", expires_at=days(3), rotate_after=days(-1))
    kept(ada, "Later", expires_at=days(30), rotate_after=days(30))
    kept(ada, "Ended", expires_at=days(-1))
    kept(ada, "Without")
    assert secrets_due_tell() == 2
    assert [(kind, whose) for kind, whose, _ in told()] == [
        ("secret.expires", ada.email), ("secret.rotation_due", ada.email),
    ]  # fmt: skip
    assert all("Ends (ENDS), 20" in body for _, _, body in told())
    assert "4711" not in str(told())
    assert secrets_due_tell() == 0
    secret_update(secret=ends, expires_at=days(4))
    assert secrets_due_tell() == 1
    secret_update(secret=ends, expires_at=None, rotate_after=None)
    assert secrets_due_tell() == 0


def test_administrators_hear_of_the_instances(ada: User, person: Person) -> None:
    kept(person("boss", role="owner"), "Ours", scope="instance", expires_at=days(3))
    secret_revoke(secret=kept(ada, "Gone", expires_at=days(3)))
    retention()
    assert [(kind, whose) for kind, whose, _ in told()] == [("secret.expires", "admin")]
