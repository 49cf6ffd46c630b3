"""What can be wrong with a secret or its use."""

from apps.core.errors import Conflict, Forbidden, Invalid, NotFound


class SecretNotFound(NotFound):
    """Also for secrets that the caller may not know of."""

    default_code = "secret_not_found"


class SecretNotGranted(Forbidden):
    """The session has no grant of it, or none any more."""

    default_code = "secret_not_granted"


class SecretNotRevealed(Forbidden):
    """It may be used, not seen."""

    default_code = "secret_not_revealed"


class BadSecret(Invalid):
    """The value is not of its type."""

    default_code = "bad_secret"


class CodeUsed(Conflict):
    """The one-time code of this period was given out before. `extra["retry_after"]`: seconds."""

    default_code = "totp_code_used"
