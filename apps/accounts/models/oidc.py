"""A company's identity provider."""

from typing import Any, ClassVar

from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Now

from apps.accounts.roles import Role
from apps.core.crypto import SealedField
from apps.core.ids import new_id

SLUG = r"^[a-z0-9][a-z0-9-]{1,31}$"


def new_oidc_provider_id() -> str:
    return new_id("oidc")


def usual_scopes() -> list[str]:
    return ["openid", "email", "profile"]


class OidcProvider(models.Model):
    """People are known by issuer and subject, never by e-mail address alone. `issuer` and `slug`
    do not change: the subjects of another issuer would be other people."""

    id = models.CharField(
        max_length=40, primary_key=True, default=new_oidc_provider_id, editable=False
    )
    slug = models.CharField(max_length=32, unique=True, validators=[RegexValidator(SLUG)])
    name = models.CharField(max_length=64)
    icon = models.CharField(max_length=32, blank=True)
    issuer = models.URLField(max_length=500)
    allow_private = models.BooleanField(default=False)  # it may stand in a private network
    client_id = models.CharField(max_length=255)
    client_secret = SealedField()  # empty: a public client
    scopes = models.JSONField(default=usual_scopes)
    enabled = models.BooleanField(default=True)
    trust_email = models.BooleanField(default=False)  # its verified addresses find our accounts
    allowed_domains = models.JSONField(default=list)  # of e-mail addresses; empty: all
    create_users = models.BooleanField(default=False)
    default_role = models.CharField(max_length=8, choices=Role.choices, default=Role.MEMBER)
    group_claim = models.CharField(max_length=64, default="groups")
    group_role_map = models.JSONField(default=dict)  # {group: role}; empty: roles are set here
    last_test_at = models.DateTimeField(null=True, editable=False)
    last_test_ok = models.BooleanField(null=True, editable=False)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering: ClassVar[list[str]] = ["slug"]
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                condition=~models.Q(default_role__in=[Role.OWNER, Role.ADMIN]),
                name="oidc_default_role_is_modest",
            )
        ]

    def __str__(self) -> str:
        return self.name
