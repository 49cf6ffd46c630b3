"""Providers as an instance has them: what it changed or added, keys, shares, models, aliases."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from apps.core.crypto import SealedField, sealed_get
from apps.core.models import TimestampedModel


class ProviderConfig(TimestampedModel):
    """What this instance says of a provider. A built-in one without a row is as it comes."""

    class Kind(models.TextChoices):
        BUILT_IN = "builtin"
        CUSTOM = "custom"

    id = models.CharField(max_length=40, primary_key=True)
    kind = models.CharField(max_length=8, choices=Kind.choices)
    label = models.CharField(max_length=120, default="")
    base_url = models.CharField(max_length=500, default="", blank=True)  # empty: its usual one
    enabled = models.BooleanField(default=True)
    # By kind, see `apps.llm.services.provider_extra`; nothing secret.
    extra = models.JSONField(default=dict)
    dialect = models.CharField(max_length=16, default="openai")
    allow_private = models.BooleanField(
        default=False, help_text="Its base URL may lead into a private network."
    )
    last_error = models.CharField(max_length=500, default="", blank=True)
    checked_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "llm_provider"
        verbose_name = "provider"
        ordering: ClassVar[list[str]] = ["id"]

    def __str__(self) -> str:
        return self.id


class ProviderKey(TimestampedModel):
    """A key to a provider. Its plain text leaves this row for a request's header only."""

    class Scope(models.TextChoices):
        INSTANCE = "instance"
        PROJECT = "project"
        USER = "user"

    class Status(models.TextChoices):
        UNKNOWN = "unknown"
        OK = "ok"
        INVALID = "invalid"

    provider = models.CharField(max_length=40)
    scope = models.CharField(max_length=8, choices=Scope.choices)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True, related_name="+"
    )
    project_id = models.CharField(max_length=64, default="", blank=True)
    secret = SealedField()
    masked = models.CharField(max_length=32, default="", editable=False)
    allow_unattended = models.BooleanField(
        default=True, help_text="Work that nobody started, such as a pulse, may use it."
    )
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.UNKNOWN)
    checked_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["provider", "scope", "id"]
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["provider", "scope", "user", "project_id"],
                name="provider_key_one_per_owner",
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                name="provider_key_owner",
                condition=(
                    Q(scope="instance", user=None, project_id="")
                    | (Q(scope="user", project_id="") & Q(user__isnull=False))
                    | (Q(scope="project", user=None) & ~Q(project_id=""))
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.provider} ({self.scope}) {self.masked}"

    @property
    def plain(self) -> str:
        """Raises Unreadable."""
        return sealed_get(self, "secret")


class ProviderShare(models.Model):
    """Whom a key's owner lets use it, and how far. Without a user: everybody."""

    key = models.ForeignKey(ProviderKey, on_delete=models.CASCADE, related_name="shares")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True, related_name="+"
    )
    expires_at = models.DateTimeField(null=True, blank=True)
    allowed_models = models.JSONField(default=list, blank=True)  # patterns; empty: all
    # Of one day in UTC; null: none.
    daily_calls = models.PositiveIntegerField(null=True, blank=True)
    daily_cost_usd = models.DecimalField(max_digits=12, decimal_places=4, null=True, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["key", "user"], name="provider_share_one_per_user", nulls_distinct=False
            ),
        ]

    def __str__(self) -> str:
        return f"{self.key_id} to {self.user_id or 'everybody'}"


class ModelEntry(models.Model):
    """A model as its provider or an admin describes it. Null: not known."""

    class Source(models.TextChoices):
        LIVE = "live"  # the provider's own list
        MANUAL = "manual"  # typed in

    provider = models.CharField(max_length=40)
    model = models.CharField(max_length=200)
    label = models.CharField(max_length=200, default="", blank=True)
    source = models.CharField(max_length=8, choices=Source.choices)
    context_window = models.PositiveIntegerField(null=True, blank=True)
    max_output = models.PositiveIntegerField(null=True, blank=True)
    vision = models.BooleanField(null=True, blank=True)
    audio = models.BooleanField(null=True, blank=True)
    tools = models.BooleanField(null=True, blank=True)
    reasoning = models.BooleanField(null=True, blank=True)
    # US dollars for a million tokens.
    price_input = models.DecimalField(max_digits=14, decimal_places=6, null=True, blank=True)
    price_output = models.DecimalField(max_digits=14, decimal_places=6, null=True, blank=True)
    price_cache_read = models.DecimalField(max_digits=14, decimal_places=6, null=True, blank=True)
    price_cache_write = models.DecimalField(max_digits=14, decimal_places=6, null=True, blank=True)
    seen_at = models.DateTimeField(db_default=Now())  # when the list last had it

    class Meta:
        ordering: ClassVar[list[str]] = ["provider", "model"]
        verbose_name = "model"
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["provider", "model"], name="model_entry_name"),
        ]

    def __str__(self) -> str:
        return f"{self.provider}/{self.model}"


class ModelAlias(TimestampedModel):
    """A name for several models that are tried in order."""

    name = models.CharField(max_length=64, primary_key=True)
    chain = models.JSONField(default=list)  # `provider/model` or another alias
    # On which failures the next one is tried, of `FAILOVER_CLASSES`; empty: on all of them.
    error_classes = models.JSONField(default=list, blank=True)
    max_attempts = models.PositiveSmallIntegerField(default=0)  # 0: as many as there are models

    class Meta:
        ordering: ClassVar[list[str]] = ["name"]
        verbose_name_plural = "model aliases"

    def __str__(self) -> str:
        return self.name


class LlmSetting(models.Model):
    """One value of the instance's defaults for models; see `apps.llm.defaults`."""

    key = models.CharField(max_length=64, primary_key=True)
    value = models.JSONField()
    updated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    updated_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return self.key


class LlmSettingChange(models.Model):
    """Who changed a default, when, from what to what."""

    key = models.CharField(max_length=64)
    old = models.JSONField(null=True)
    new = models.JSONField(null=True)
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    changed_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering: ClassVar[list[str]] = ["-changed_at", "-id"]

    def __str__(self) -> str:
        return f"{self.key} at {self.changed_at}"


class RegistryVersion(models.Model):
    """Moves with every change of the tables above, by triggers: the transaction, shifted by 20
    bits, and the count of changes in it. One row."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    xid = models.BigIntegerField()

    def __str__(self) -> str:
        return str(self.xid)
