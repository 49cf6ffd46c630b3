"""People, and the stand-ins of programs that own what they make."""

from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.models import AbstractUser, UserManager
from django.db import models
from django.db.models.functions import Lower

from apps.accounts.roles import ADMINISTRATORS, ENROLMENT_SCOPES, SCOPES_OF_ROLE, Role
from apps.core.ids import new_id


def new_user_id() -> str:
    return new_id("usr")


class RoleManager(UserManager["User"]):
    """Django's own ways to make a user say what they may do by flags; ours is the role."""

    def create_user(
        self,
        username: str,
        email: str | None = None,
        password: str | None = None,
        **fields: Any,
    ) -> "User":
        if fields.pop("is_superuser", False) or fields.pop("is_staff", False):
            fields.setdefault("role", Role.ADMIN)
        return super().create_user(username, email, password, **fields)

    def create_superuser(
        self,
        username: str,
        email: str | None = None,
        password: str | None = None,
        **fields: Any,
    ) -> "User":
        return self.create_user(username, email, password, **{"role": Role.OWNER, **fields})


class User(AbstractUser):
    """`role` decides; Django's flags follow it, for its admin."""

    class Kind(models.TextChoices):
        PERSON = "person"
        SERVICE = "service"  # a program's account: no password, keys only

    id = models.CharField(max_length=40, primary_key=True, default=new_user_id, editable=False)
    kind = models.CharField(max_length=8, choices=Kind.choices, default=Kind.PERSON)
    role = models.CharField(max_length=8, choices=Role.choices, default=Role.MEMBER)
    display_name = models.CharField(max_length=128, blank=True)
    locale = models.CharField(max_length=16, blank=True)
    timezone = models.CharField(max_length=64, blank=True)
    # How the dashboard looks and behaves for them: {name: value}, the dashboard's own.
    preferences = models.JSONField(db_default={}, default=dict, blank=True)
    # When they were last seen in the dashboard, and until when they had seen things before that.
    here_at = models.DateTimeField(null=True, editable=False)
    seen_until = models.DateTimeField(null=True, editable=False)
    must_change_password = models.BooleanField(default=False)
    # Kept by `second_factor`: asking the authenticators at each request would cost a query.
    has_second_factor = models.BooleanField(default=False, editable=False)
    deactivated_at = models.DateTimeField(null=True, editable=False)
    # When the account was erased: the row stays, for what it started, and names nobody.
    deleted_at = models.DateTimeField(null=True, editable=False)

    objects: ClassVar[RoleManager] = RoleManager()

    class Meta(AbstractUser.Meta):
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                Lower("email"), name="user_email_unique", condition=~models.Q(email="")
            )
        ]

    def save(self, **kwargs: Any) -> None:
        is_administrator = self.role in ADMINISTRATORS
        self.is_staff = self.is_superuser = is_administrator
        names = kwargs.get("update_fields")
        if names is not None and "role" in names:
            kwargs["update_fields"] = {*names, "is_staff", "is_superuser"}
        super().save(**kwargs)

    def __str__(self) -> str:
        if self.deleted_at is not None:
            return "Somebody who left"
        return self.display_name or self.email or self.username

    @property
    def is_administrator(self) -> bool:
        return self.role in ADMINISTRATORS

    @property
    def scope_ceiling(self) -> frozenset[str]:
        """The most that any credential of this user may do."""
        if self.must_change_password:
            return frozenset()
        if self.lacks_second_factor:
            return ENROLMENT_SCOPES
        return self.role_scopes

    @property
    def role_scopes(self) -> frozenset[str]:
        return SCOPES_OF_ROLE[self.role]

    @property
    def lacks_second_factor(self) -> bool:
        """Whether the instance asks this role for a second factor and there is none yet."""
        required = self.kind == self.Kind.PERSON and self.role in settings.SECOND_FACTOR_ROLES
        return required and not self.has_second_factor
