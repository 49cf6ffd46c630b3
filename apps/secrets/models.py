"""Sealed values, grants, and what was done with them."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from apps.core.crypto import SealedField
from apps.core.ids import new_id
from apps.core.models import TimestampedModel


def new_secret_id() -> str:
    return new_id("sec")


def new_grant_id() -> str:
    return new_id("grt")


def new_former_id() -> str:
    return new_id("fmr")


class Secret(TimestampedModel):
    """A value that is written and not read. `sealed` holds what `apps.secrets.content` makes."""

    class Type(models.TextChoices):
        ENV = "env", "a value in an environment variable"
        FILE = "file", "a file"
        SSH_KEY = "ssh_key", "an SSH private key"
        TOTP = "totp", "the seed of one-time codes"
        LOGIN = "login", "user name and password of a site"

    class Scope(models.TextChoices):
        INSTANCE = "instance"
        PROJECT = "project"
        USER = "user"

    id = models.CharField(max_length=40, primary_key=True, default=new_secret_id, editable=False)
    name = models.CharField(max_length=256)
    description = models.TextField(default="", blank=True)
    type = models.CharField(max_length=8, choices=Type.choices)
    env_key = models.CharField(max_length=256)  # how agents ask for it; never changes
    scope = models.CharField(max_length=8, choices=Scope.choices)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True, related_name="+"
    )
    project_id = models.CharField(max_length=64, default="", blank=True)
    sealed = SealedField()
    masked = models.CharField(max_length=128, default="", editable=False)
    # Told to whoever may use it: not secret.
    username = models.CharField(max_length=256, default="", blank=True)
    url = models.CharField(max_length=2000, default="", blank=True)
    file_name = models.CharField(max_length=128, default="", blank=True)
    has_totp = models.BooleanField(default=False, editable=False)
    reveal = models.BooleanField(
        default=False, help_text="Its plain text may be given out, where a grant says so too."
    )
    expires_at = models.DateTimeField(null=True, blank=True)
    rotate_after = models.DateTimeField(null=True, blank=True)  # a reminder, no more
    # The dates that their owner was told of: another date is told anew.
    expiry_told = models.DateTimeField(null=True, editable=False)
    rotation_told = models.DateTimeField(null=True, editable=False)
    last_used_at = models.DateTimeField(null=True, editable=False)
    last_totp_step = models.BigIntegerField(default=0, editable=False)  # the last one given out
    version = models.PositiveIntegerField(default=1, editable=False)
    value_version = models.PositiveIntegerField(default=1, editable=False)
    # Its value is kept for a day, so that sessions that had it are masked to their end.
    revoked_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering: ClassVar[list[str]] = ["name", "id"]
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["scope", "user", "project_id", "name"],
                name="secret_name_of_owner",
                condition=Q(revoked_at=None),
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                name="secret_owner",
                condition=(
                    Q(scope="instance", user=None, project_id="")
                    | (Q(scope="user", project_id="") & Q(user__isnull=False))
                    | (Q(scope="project", user=None) & ~Q(project_id=""))
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.type}, {self.scope})"


class FormerValue(models.Model):
    """A value that another has replaced, kept for a day: sessions that had it are masked to their
    end, also by a worker that has never seen it."""

    id = models.CharField(max_length=40, primary_key=True, default=new_former_id, editable=False)
    secret = models.ForeignKey(Secret, on_delete=models.CASCADE, related_name="former_values")
    sealed = SealedField()
    replaced_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"of {self.secret_id}, until {self.replaced_at}"


class SecretShare(models.Model):
    """An instance's secret that a person may grant to agents, for the sessions they start."""

    secret = models.ForeignKey(Secret, on_delete=models.CASCADE, related_name="shares")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="secret_shares"
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["secret", "user"], name="secret_share_once"),
        ]

    def __str__(self) -> str:
        return f"{self.secret_id} to {self.user_id}"


class SecretGrant(models.Model):
    """An agent may use a secret: in every session, or only in those of one user or project."""

    id = models.CharField(max_length=40, primary_key=True, default=new_grant_id, editable=False)
    secret = models.ForeignKey(Secret, on_delete=models.CASCADE, related_name="grants")
    agent = models.ForeignKey(
        "agents.Agent", on_delete=models.CASCADE, related_name="secret_grants"
    )
    env_key = models.CharField(max_length=256)  # the secret's, for the constraint below
    for_user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, related_name="+"
    )  # null: whoever started the session, and also when nobody did
    project_id = models.CharField(max_length=64, default="", blank=True)  # empty: in any
    reveal = models.BooleanField(default=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    granted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    created_at = models.DateTimeField(db_default=Now())
    revoked_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering: ClassVar[list[str]] = ["created_at", "id"]
        constraints: ClassVar[list[Any]] = [
            # One name means one secret to an agent, among sessions of the same kind.
            models.UniqueConstraint(
                fields=["agent", "env_key", "for_user", "project_id"],
                name="secret_grant_name",
                condition=Q(revoked_at=None),
                nulls_distinct=False,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.secret_id} to {self.agent_id}"


class SecretAccess(models.Model):
    """A value left its row. No references: it outlives the secret, the agent and the session."""

    class How(models.TextChoices):
        INJECTED = "injected"  # into the environment or a file of one command
        REVEALED = "revealed"  # as plain text
        CODE = "code"  # a one-time code
        REFUSED = "refused"

    secret_id = models.CharField(max_length=40)
    env_key = models.CharField(max_length=256)
    how = models.CharField(max_length=8, choices=How.choices)
    agent_id = models.CharField(max_length=128, default="")
    session_id = models.CharField(max_length=64, default="")
    run_id = models.CharField(max_length=64, default="")
    user_id = models.CharField(max_length=40, default="")
    at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering: ClassVar[list[str]] = ["-id"]
        indexes: ClassVar[list[Any]] = [
            # What was done with one secret, newest first.
            models.Index(fields=["secret_id", "-id"], name="secret_access_of"),
        ]

    def __str__(self) -> str:
        return f"{self.env_key} {self.how}"
