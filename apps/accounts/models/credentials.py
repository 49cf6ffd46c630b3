"""Keys, tokens and tickets that stand for a caller. Only hashes of them are stored."""

from ipaddress import ip_address, ip_network
from typing import Any, ClassVar

from django.db import models
from django.db.models.functions import Now
from django.utils import timezone
from rest_framework_api_key.crypto import KeyGenerator
from rest_framework_api_key.models import AbstractAPIKey, BaseAPIKeyManager

from apps.accounts.models.users import User
from apps.accounts.principals import AgentPrincipal
from apps.core.api.callers import SCOPES, CallerKind, Credential
from apps.core.ids import new_id

API_KEY_PREFIX = "djb_"
SERVICE_KEY_PREFIX = "djb_svc_"
AGENT_KEY_PREFIX = "djb_agent_"
SESSION_TOKEN_PREFIX = "dst_"  # noqa: S105  a name, not a secret
# What an agent may do at our API unless its grants say otherwise.
SESSION_SCOPES = frozenset({"read", "chat"})


def new_session_token_id() -> str:
    return new_id("ast")


class PrefixedKeyGenerator(KeyGenerator):
    """Keys that a person and a secret scanner recognise: `djb_<8 shown>.<40 secret>`."""

    def __init__(self) -> None:
        super().__init__(prefix_length=8, secret_key_length=40)

    def verify(self, key: str, hashed_key: str) -> bool:
        return bool(super().verify(_bare(key), hashed_key))


def _bare(key: str) -> str:
    """Without what tells a reader its kind; the kind that counts is the row's."""
    for prefix in (SERVICE_KEY_PREFIX, AGENT_KEY_PREFIX, API_KEY_PREFIX):
        if key.startswith(prefix):
            return key.removeprefix(prefix)
    return key


class ApiKeyManager(BaseAPIKeyManager):
    key_generator = PrefixedKeyGenerator()

    def assign_key(self, obj: AbstractAPIKey) -> str:
        """The library puts the hash into the primary key, and so into every link; ours is plain."""
        key: str = super().assign_key(obj)
        obj.id = new_id("ak")
        assert isinstance(obj, ApiKey)
        return _PREFIX_OF_KIND[obj.kind] + key

    def get_from_key(self, key: str) -> "ApiKey":
        """The key that this is. Raises `ApiKey.DoesNotExist`. Expiry is the caller's to check."""
        prefix = _bare(key).partition(".")[0]
        found: ApiKey = self.select_related("user").get(prefix=prefix)
        if not found.is_valid(key):
            raise ApiKey.DoesNotExist
        return found


class ApiKey(AbstractAPIKey):
    """A key for the CLI and scripts, of a person or of a program's own account. Scopes: see
    `apps.core.api.callers`."""

    class Kind(models.TextChoices):
        USER = "user"
        SERVICE = "service"
        AGENT = "agent"  # an agent that runs elsewhere and speaks for itself

    caller_kind: ClassVar[CallerKind] = "user"

    kind = models.CharField(max_length=8, choices=Kind.choices, default=Kind.USER)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_keys")
    agent_id = models.CharField(max_length=128, blank=True)
    scopes = models.JSONField(default=list)
    ip_allow = models.JSONField(default=list)  # networks in CIDR form; empty: from anywhere
    rate_per_minute = models.PositiveIntegerField(null=True)  # None: as for all keys
    last_used_at = models.DateTimeField(null=True, editable=False)
    last_used_ip = models.GenericIPAddressField(null=True, editable=False)
    revoked_at = models.DateTimeField(null=True, editable=False)
    revoked_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, editable=False, related_name="+"
    )

    objects: ClassVar[ApiKeyManager] = ApiKeyManager()  # type: ignore[assignment]  # its own

    class Meta(AbstractAPIKey.Meta):
        verbose_name = "API key"

    @property
    def scope_set(self) -> frozenset[str]:
        return frozenset(self.scopes)

    @property
    def is_usable(self) -> bool:
        return not self.revoked and not self.has_expired and self.user.is_active

    def reloaded(self) -> "tuple[User, ApiKey] | None":
        key = ApiKey.objects.select_related("user").filter(pk=self.pk).first()
        return (key.user, key) if key and key.is_usable else None

    @property
    def principal(self) -> str:
        return f"user:{self.user_id}"

    def admits(self, address: str) -> bool:
        """Whether the key may be used from this address."""
        if not self.ip_allow:
            return True
        try:
            caller = ip_address(address)
        except ValueError:
            return False
        return any(caller in ip_network(network) for network in self.ip_allow)


_PREFIX_OF_KIND: dict[str, str] = {
    ApiKey.Kind.USER: API_KEY_PREFIX,
    ApiKey.Kind.SERVICE: SERVICE_KEY_PREFIX,
    ApiKey.Kind.AGENT: AGENT_KEY_PREFIX,
}


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
    def is_usable(self) -> bool:
        live = self.revoked_at is None and self.expires_at > timezone.now()
        return live and (self.user is None or self.user.is_active)

    @property
    def caller(self) -> "User | AgentPrincipal":
        return self.user or AgentPrincipal(self.agent_id)

    def reloaded(self) -> "tuple[User | AgentPrincipal, SessionToken] | None":
        token = SessionToken.objects.select_related("user").filter(pk=self.pk).first()
        return (token.caller, token) if token and token.is_usable else None

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

    # As a credential of its own, a ticket stands for whom it was made, and for its topics only.

    @property
    def _behind(self) -> "tuple[Any, Credential | None] | None":
        shown = self.session_token or self.api_key
        if shown is not None:
            return shown.reloaded()
        user = User.objects.filter(pk=self.user_id, is_active=True).first()
        return (user, None) if user else None

    @property
    def caller_kind(self) -> CallerKind:
        return "session" if self.session_token_id else "user"

    @property
    def scope_set(self) -> frozenset[str]:
        shown = self.session_token or self.api_key
        return shown.scope_set if shown else frozenset(SCOPES)

    @property
    def principal(self) -> str:
        return self.session_token.principal if self.session_token else f"user:{self.user_id}"

    def reloaded(self) -> "tuple[Any, StreamTicket] | None":
        behind = self._behind
        return (behind[0], self) if behind else None
