"""Errors that people and programs can act on.

    DjinnError
      UserError        who asked can mend it
        NotFound 404   Forbidden 403   Invalid 422   Malformed 400   Conflict 409   LimitReached 429
        Gone 410       TooLarge 413    NotAuthenticated 401
      AppError         we must mend it
        Unavailable 503   TransientError 503   RunnerError 502   ProviderError 502

Each carries a stable `code`, a sentence for people, and facts in `extra`. No secret in either.
"""

from typing import Any, ClassVar


class DjinnError(Exception):
    status: ClassVar[int] = 500
    default_code: ClassVar[str] = "internal_error"

    def __init__(self, message: str, *, code: str = "", **extra: Any) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.extra = extra

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild, (type(self), self.message, self.code, self.extra))


def _rebuild(kind: type[DjinnError], message: str, code: str, extra: dict[str, Any]) -> DjinnError:
    return kind(message, code=code, **extra)


class UserError(DjinnError):
    status = 400
    default_code = "rule_broken"


class Malformed(UserError):
    pass


class NotAuthenticated(UserError):
    status = 401
    default_code = "not_authenticated"


class Forbidden(UserError):
    status = 403
    default_code = "permission_denied"


class NotFound(UserError):
    status = 404
    default_code = "not_found"


class Conflict(UserError):
    status = 409
    default_code = "state_conflict"


class Gone(UserError):
    status = 410
    default_code = "gone"


class TooLarge(UserError):
    status = 413
    default_code = "too_large"


class Invalid(UserError):
    status = 422
    default_code = "validation_error"


class LimitReached(UserError):
    status = 429
    default_code = "rate_limited"


class AppError(DjinnError):
    status = 500


class Unavailable(AppError):
    status = 503
    default_code = "dependency_down"


class TransientError(Unavailable):
    """Worth another try soon."""


class RunnerError(AppError):
    """A box could not be made, started or stopped. `extra["retryable"]`: worth another try."""

    status = 502
    default_code = "runner_error"


class ProviderError(AppError):
    """A model provider refused or failed."""

    status = 502
    default_code = "upstream_error"
