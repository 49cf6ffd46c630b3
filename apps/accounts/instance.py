"""What makes an empty database an instance. Each part may be repeated without harm."""

import contextlib
import json
import os
import secrets
from pathlib import Path

from django.conf import settings
from django.db import connection, transaction

from apps.accounts.models import ApiKey, User
from apps.accounts.roles import Role
from apps.accounts.services import api_key_create
from apps.core.api.callers import SCOPES

OWNER = "owner"
LOCAL_KEY = "local command line"
_LOCK = 0x646A_0003  # advisory lock: two set-ups at once make one owner


def owner_get_or_create() -> User:
    """The owner. Made without a password; the local key and one-time links
    let them in, and `manage.py changepassword owner` gives them one."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        found = User.objects.filter(role=Role.OWNER, is_active=True).order_by("date_joined")
        return found.first() or User.objects.create_superuser(OWNER)


def local_key_ensure(owner: User, path: Path) -> bool:
    """Keep a working key of the owner in a file that only this account reads. True: a new one."""
    if _works(path, owner):
        return False
    ApiKey.objects.filter(user=owner, name=LOCAL_KEY, revoked=False).update(revoked=True)
    key = api_key_create(owner, LOCAL_KEY, SCOPES)
    _write_private(path, json.dumps({"url": settings.BASE_URL, "api_key": key}, indent=2))
    return True


def _works(path: Path, owner: User) -> bool:
    try:
        kept = json.loads(path.read_text())
        key = ApiKey.objects.get_from_key(str(kept["api_key"]))
    except (OSError, ValueError, KeyError, TypeError, ApiKey.DoesNotExist):
        return False
    if kept.get("url") != settings.BASE_URL:
        return False
    return key.is_usable and key.user_id == owner.pk and set(key.scopes) == set(SCOPES)


def _write_private(path: Path, text: str) -> None:
    """Whole or not at all, and never readable by others, not even for a moment."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text + "\n")
        draft.rename(path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            draft.unlink()
