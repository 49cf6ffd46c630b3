"""What a notification may be about. A kind's name is stable: rules choose by it."""

from dataclasses import dataclass
from typing import Final

from django.db.models import TextChoices


class Level(TextChoices):
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


LEVELS: Final = [str(level) for level in Level]


@dataclass(frozen=True, slots=True)
class Kind:
    name: str
    level: Level
    title: str


KINDS: Final = {
    kind.name: kind
    for kind in (
        Kind("account.new_device", Level.WARNING, "Your account signed in from a new device"),
        Kind("account.refresh_reuse", Level.ERROR, "A stolen sign-in of yours was ended"),
        Kind("account.recovery_code", Level.WARNING, "A recovery code of yours was used"),
        Kind("account.second_factor", Level.WARNING, "Your second factors changed"),
        Kind("account.password", Level.WARNING, "Your password was changed"),
        Kind("account.key", Level.WARNING, "A key of your account was made"),
        Kind("account.waitlist", Level.INFO, "Somebody asks to be let in"),
        Kind("run.failed", Level.ERROR, "A run failed"),
        Kind("run.approval", Level.WARNING, "A run waits for your decision"),
        Kind("run.parked", Level.WARNING, "A run waits"),
        Kind("run.storage", Level.WARNING, "A run waits for the disk"),
        Kind("budget.soft", Level.WARNING, "A budget is nearly used up"),
        Kind("budget.hard", Level.ERROR, "A budget is used up"),
        Kind("provider.key_invalid", Level.ERROR, "A model provider refuses its key"),
        Kind("agent.quota", Level.WARNING, "An agent has used up its disk space"),
        Kind("storage.low", Level.WARNING, "The disk is nearly full"),
        Kind("storage.away", Level.ERROR, "The data directory is away"),
        Kind("secret.expires", Level.WARNING, "A secret ends within a week"),
        Kind("secret.rotation_due", Level.INFO, "A secret's value should be changed"),
        Kind("notification.undelivered", Level.ERROR, "Notifications do not reach you"),
        Kind("notification.test", Level.INFO, "This is a test"),
        Kind("announcement", Level.INFO, "An announcement"),
    )
}
