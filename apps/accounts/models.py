"""Users and the tokens that stand for a caller. Only hashes of tokens are stored."""

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models.functions import Now
from rest_framework_api_key.models import AbstractAPIKey

from apps.core.ids import new_id


def new_user_id() -> str:
    return new_id("usr")


def new_session_token_id() -> str:
    return new_id("ast")


class User(AbstractUser):
    id = models.CharField(max_length=40, primary_key=True, default=new_user_id, editable=False)


class ApiKey(AbstractAPIKey):
    """A key of a user for the CLI and scripts. Scopes: see `apps.core.api.permissions`."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_keys")
    scopes = models.JSONField(default=list)

    class Meta(AbstractAPIKey.Meta):
        verbose_name = "API key"


class SessionToken(models.Model):
    """What an agent session may do at our API. It dies with the attempt that it was made for."""

    id = models.CharField(max_length=40, primary_key=True, default=new_session_token_id)
    token_sha256 = models.CharField(max_length=64, unique=True)
    session_id = models.CharField(max_length=64)
    agent_id = models.CharField(max_length=128)
    run_id = models.CharField(max_length=64, default="")
    project_id = models.CharField(max_length=64, default="")
    user = models.ForeignKey(User, on_delete=models.CASCADE, null=True)
    grants = models.JSONField(default=dict)  # {"models": ["provider/model"], …}
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar[list[Any]] = [
            # Revoke all of a session.
            models.Index(fields=["session_id"], name="session_token_session"),
        ]

    def __str__(self) -> str:
        return f"{self.id} of {self.session_id}"


class StreamTicket(models.Model):
    """A single-use pass to open a stream or, with kind `login`, a browser session. Lives 60 s."""

    class Kind(models.TextChoices):
        STREAM = "stream"
        LOGIN = "login"

    ticket_sha256 = models.CharField(max_length=64, primary_key=True)
    kind = models.CharField(max_length=8, choices=Kind.choices)
    user = models.ForeignKey(User, on_delete=models.CASCADE)
    topics = models.JSONField(default=list)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.kind} ticket of {self.user_id}"
