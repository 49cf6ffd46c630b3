"""A person's own data: given to them as a zip, or taken away with their account."""

import tempfile
import zipfile
from collections.abc import Iterable
from datetime import timedelta
from typing import IO, Any, Final

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from apps.accounts.audit import audit
from apps.accounts.models import (
    ApiKey,
    DataExport,
    DeviceSignIn,
    Invite,
    StreamTicket,
    User,
    WaitlistEntry,
)
from apps.accounts.roles import Role
from apps.accounts.services.users import access_end, locked_for_change, not_the_last_owner
from apps.core.api.callers import Caller
from apps.core.api.renderers import to_json
from apps.core.dispatch import TaskName, enqueue
from apps.core.errors import Gone, Invalid, NotFound
from apps.core.jobs import Job
from apps.core.personal import Rows, personal_data, personal_data_erase

EXPORT_TTL: Final = timedelta(hours=24)
LOST_AFTER: Final = timedelta(minutes=15)  # whoever made it is gone
_README = """All that this DjinnBot keeps about you, one file a kind, each a JSON list.

Values of secrets and keys, and the hashes of tokens, are not among it: nobody is shown them again.
Files of your runs stand in their repositories; what agents wrote in a run is on its page.
"""


@transaction.atomic
def export_get_or_start(user: User) -> DataExport:
    """The newest export that is under way or can be fetched; else one that begins now."""
    User.objects.select_for_update(no_key=True).get(pk=user.pk)
    now = timezone.now()
    newest = DataExport.objects.filter(user=user).defer("content").first()
    if newest is not None and (newest.is_good(now) or _is_under_way(newest)):
        return newest
    row = DataExport.objects.create(user=user)
    row.refresh_from_db(fields=["created_at"])
    audit("user.export", user)
    enqueue(TaskName.EXPORT_USER, row.pk)
    return row


def _is_under_way(row: DataExport) -> bool:
    lives = {DataExport.Status.WAITING, DataExport.Status.RUNNING}
    return row.status in lives and row.created_at > timezone.now() - LOST_AFTER


def export_make(export_id: str) -> None:
    """Make the zip. Arriving twice, it is made once more or left alone."""
    rows = DataExport.objects.filter(pk=export_id).exclude(status=DataExport.Status.DONE)
    if not rows.update(status=DataExport.Status.RUNNING):
        return
    user_id = DataExport.objects.values_list("user_id", flat=True).get(pk=export_id)
    try:
        with tempfile.TemporaryFile() as file:
            personal_zip(user_id, file)
            size = file.tell()
            file.seek(0)
            content = file.read()
    except BaseException:
        rows.update(status=DataExport.Status.FAILED, finished_at=Now())
        raise
    rows.update(
        status=DataExport.Status.DONE,
        content=content,
        size=size,
        finished_at=Now(),
        expires_at=timezone.now() + EXPORT_TTL,
    )


def personal_zip(user_id: str, file: IO[bytes]) -> None:
    """Write it, and stay at its end."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("README.txt", _README)
        for name, rows in personal_data(user_id):
            with archive.open(f"{name}.json", "w") as entry:
                for piece in _json_list(rows):
                    entry.write(piece)
    file.seek(0, 2)


def _json_list(rows: Rows) -> Iterable[bytes]:
    yield b"["
    glue = b"\n"
    for row in rows:
        yield glue + to_json(row)
        glue = b",\n"
    yield b"\n]\n"


def export_content(user: User, export_id: str) -> bytes:
    """Raises NotFound, also for somebody else's, and Gone when its day is over."""
    row = DataExport.objects.filter(pk=export_id, user=user).first()
    if row is None or row.status != DataExport.Status.DONE:
        raise NotFound("There is no such export.")
    if not row.is_good():
        raise Gone("This export is no longer kept: ask for another.")
    return bytes(row.content)


def export_jobs(caller: Caller, since: object) -> Iterable[Job]:
    """One's own, as long work that one asked for."""
    rows = DataExport.objects.filter(user_id=caller.user.pk, created_at__gte=since)
    return [
        Job(
            kind="export",
            id=row.pk,
            title="Your data",
            state=row.status,  # type: ignore[arg-type]  # the same four words
            created_at=row.created_at,
            finished_at=row.finished_at,
        )
        for row in rows.defer("content")
    ]


@transaction.atomic
def own_account_erase(user: User) -> None:
    """End one's own account. Raises Conflict for the last owner."""
    _erase(locked_for_change(user, None))


@transaction.atomic
def user_erase(user: User, *, by: User) -> None:
    """End somebody's account, by an administrator who may decide about them."""
    _erase(locked_for_change(user, by))


def _erase(locked: User) -> None:
    """Forget who it was. What they started stays, as that of somebody unknown: what it cost, and
    what was changed by it, is the instance's to know. So does the audit log."""
    if locked.kind != User.Kind.PERSON:
        raise Invalid("This is the account of a program: revoke its keys.")
    if locked.deleted_at is not None:
        raise NotFound("There is no such user.")
    if locked.role == Role.OWNER:
        not_the_last_owner(locked)
    access_end(locked)
    _identity_erase(locked)
    personal_data_erase(locked.pk)
    audit("user.erase", locked)


def _identity_erase(user: User) -> None:
    for model in (Authenticator, SocialAccount, EmailAddress, ApiKey, StreamTicket, DataExport,
                  DeviceSignIn):  # fmt: skip
        model.objects.filter(user=user).delete()
    if user.email:
        Invite.objects.filter(email__iexact=user.email).delete()
        WaitlistEntry.objects.filter(email__iexact=user.email).delete()
    blank: dict[str, Any] = {
        "username": f"deleted-{user.pk}",
        "email": "",
        "first_name": "",
        "last_name": "",
        "display_name": "",
        "locale": "",
        "timezone": "",
        "preferences": {},
        "here_at": None,
        "seen_until": None,
        "last_login": None,
        "role": Role.VIEWER,
        "is_staff": False,
        "is_superuser": False,
        "is_active": False,
        "must_change_password": False,
        "has_second_factor": False,
    }
    user.set_unusable_password()
    User.objects.filter(pk=user.pk).update(
        **blank, password=user.password, deactivated_at=Now(), deleted_at=Now()
    )
