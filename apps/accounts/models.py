"""Users and the tokens that stand for a caller. Only hashes of tokens are stored."""

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models.functions import Now
from rest_framework_api_key.crypto import KeyGenerator
from rest_framework_api_key.models import AbstractAPIKey, BaseAPIKeyManager

from apps.core.api.callers import CallerKind
from apps.core.ids import new_id

API_KEY_PREFIX = "djb_"
SESSION_TOKEN_PREFIX = "dst_"  # noqa: S105  a name, not a secret
# What an agent may do at our API unless its grants say otherwise.
SESSION_SCOPES = frozenset({"read", "chat"})


def new_user_id() -> str:
    return new_id("usr")


def new_session_token_id() -> str:
    return new_id("ast")


class User(AbstractUser):
    id = models.CharField(max_length=40, primary_key=True, default=new_user_id, editable=False)


class PrefixedKeyGenerator(KeyGenerator):
    """Keys that a person and a secret scanner recognise: `djb_<8 shown>.<40 secret>`."""

    def __init__(self) -> None:
        super().__init__(prefix_length=8, secret_key_length=40)

    def generate(self) -> tuple[str, str, str]:
        key, prefix, hashed = super().generate()
        return API_KEY_PREFIX + key, prefix, hashed

    def verify(self, key: str, hashed_key: str) -> bool:
        return bool(super().verify(key.removeprefix(API_KEY_PREFIX), hashed_key))


class ApiKeyManager(BaseAPIKeyManager):
    key_generator = PrefixedKeyGenerator()

    def get_from_key(self, key: str) -> "ApiKey":
        """The key that this is. Raises `ApiKey.DoesNotExist`. Expiry is the caller's to check."""
        prefix = key.removeprefix(API_KEY_PREFIX).partition(".")[0]
        found: ApiKey = self.select_related("user").get(prefix=prefix)
        if not found.is_valid(key):
            raise ApiKey.DoesNotExist
        return found


class ApiKey(AbstractAPIKey):
    """A key of a user for the CLI and scripts. Scopes: see `apps.core.api.callers`."""

    caller_kind: ClassVar[CallerKind] = "user"

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_keys")
    scopes = models.JSONField(default=list)
    last_used_at = models.DateTimeField(null=True, editable=False)

    objects: ClassVar[ApiKeyManager] = ApiKeyManager()  # type: ignore[assignment]  # its own

    class Meta(AbstractAPIKey.Meta):
        verbose_name = "API key"

    @property
    def scope_set(self) -> frozenset[str]:
        return frozenset(self.scopes)

    @property
    def principal(self) -> str:
        return f"user:{self.user_id}"


class SessionToken(models.Model):
    """What an agent session may do at our API. It dies with the attempt that it was made for."""

    caller_kind: ClassVar[CallerKind] = "session"

    id = models.CharField(max_length=40, primary_key=True, default=new_session_token_id)
    token_sha256 = models.CharField(max_length=64, unique=True)
    session_id = models.CharField(max_length=64)
    agent_id = models.CharField(max_length=128)
    run_id = models.CharField(max_length=64, default="")
    project_id = models.CharField(max_length=64, default="")
    user = models.ForeignKey(User, on_delete=models.CASCADE, null=True)
    grants = models.JSONField(default=dict)  # {"models": ["provider/model"], "scopes": ["read"], …}
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

    @property
    def scope_set(self) -> frozenset[str]:
        granted = self.grants.get("scopes")
        return SESSION_SCOPES if granted is None else frozenset(granted)

    @property
    def principal(self) -> str:
        return f"session:{self.session_id}"


class StreamTicket(models.Model):
    """A single-use pass to open a stream or, with kind `login`, a browser session. Lives 60 s."""

    class Kind(models.TextChoices):
        STREAM = "stream"
        LOGIN = "login"

    ticket_sha256 = models.CharField(max_length=64, primary_key=True)
    kind = models.CharField(max_length=8, choices=Kind.choices)
    user = models.ForeignKey(User, on_delete=models.CASCADE, null=True)
    # The credential that asked for it: the stream is bound to what that may see.
    api_key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, null=True)
    session_token = models.ForeignKey(SessionToken, on_delete=models.CASCADE, null=True)
    topics = models.JSONField(default=list)  # empty: all that the caller may see
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.kind} ticket of {self.user_id}"
