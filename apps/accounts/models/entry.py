"""Ways in for who has no account yet. Only hashes of their secrets are stored."""

from typing import Any, ClassVar

from django.db import models
from django.db.models.functions import Now

from apps.accounts.models.users import User
from apps.accounts.roles import Role
from apps.core.ids import new_id


def new_invite_id() -> str:
    return new_id("inv")


def new_device_id() -> str:
    return new_id("dev")


class SetupState(models.Model):
    """Whether this instance has its owner. One row, made with the table: its lock is the queue in
    which first visitors stand."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    token_sha256 = models.CharField(max_length=64, blank=True)
    token_expires_at = models.DateTimeField(null=True)
    completed_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(condition=models.Q(id=1), name="setup_state_is_one")
        ]

    def __str__(self) -> str:
        return "set up" if self.completed_at else "waits for its owner"


class Invite(models.Model):
    """A link that makes one account, for one e-mail address, within seven days."""

    id = models.CharField(max_length=40, primary_key=True, default=new_invite_id, editable=False)
    email = models.EmailField()
    role = models.CharField(max_length=8, choices=Role.choices, default=Role.MEMBER)
    token_sha256 = models.CharField(max_length=64, unique=True)
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)
    accepted_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")

    def __str__(self) -> str:
        return f"invite of {self.email}"


class DeviceSignIn(models.Model):
    """A program that waits while its person lets it in, in a browser (RFC 8628). It polls with a
    secret; the person types, or opens a link with, a short code."""

    id = models.CharField(max_length=40, primary_key=True, default=new_device_id, editable=False)
    device_sha256 = models.CharField(max_length=64, unique=True)
    user_code = models.CharField(max_length=8, unique=True)
    name = models.CharField(max_length=64)  # as the program says; it proves nothing
    ip = models.GenericIPAddressField(null=True)  # where it asked from
    user = models.ForeignKey(User, on_delete=models.CASCADE, null=True, related_name="+")
    refused_at = models.DateTimeField(null=True)
    asked_at = models.DateTimeField(null=True)  # its last poll
    used_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"sign-in of {self.name}"
