"""People who asked to be let in."""

from typing import Any, ClassVar

from django.db import models
from django.db.models.functions import Lower, Now

from apps.accounts.models.entry import Invite
from apps.core.ids import new_id


def new_waitlist_id() -> str:
    return new_id("wl")


class WaitlistEntry(models.Model):
    class Status(models.TextChoices):
        WAITING = "waiting"
        INVITED = "invited"
        REGISTERED = "registered"

    id = models.CharField(max_length=40, primary_key=True, default=new_waitlist_id, editable=False)
    email = models.EmailField()
    note = models.CharField(max_length=500, blank=True)
    # Until its address is confirmed an entry is on nobody's list.
    is_confirmed = models.BooleanField(default=True)
    confirm_sha256 = models.CharField(max_length=64, blank=True, editable=False)
    created_at = models.DateTimeField(db_default=Now())
    invite = models.ForeignKey(Invite, on_delete=models.SET_NULL, null=True, related_name="+")
    invited_at = models.DateTimeField(null=True)
    registered_at = models.DateTimeField(null=True)
    mail_error = models.CharField(max_length=200, blank=True)  # why the last invite did not leave

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(Lower("email"), name="waitlist_email_unique")
        ]

    def __str__(self) -> str:
        return self.email

    @property
    def status(self) -> str:
        if self.registered_at is not None:
            return self.Status.REGISTERED
        return self.Status.INVITED if self.invited_at is not None else self.Status.WAITING
