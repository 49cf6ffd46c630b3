"""Why a model call did not give an answer."""

from typing import Any

from apps.core.errors import AppError, NotFound


class GatewayError(AppError):
    """A model call that failed, in words that are safe to show: no key, no header, no prompt.

    `transient`: the same request may work in a moment, so it may be sent again.
    """

    default_code = "upstream_error"

    def __init__(
        self,
        message: str,
        *,
        code: str = "",
        http_status: int = 502,
        transient: bool = False,
        retry_after_s: float | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(
            message,
            code=code,
            http_status=http_status,
            transient=transient,
            retry_after_s=retry_after_s,
            **extra,
        )

    @property
    def http_status(self) -> int:
        return int(self.extra["http_status"])

    @property
    def transient(self) -> bool:
        return bool(self.extra["transient"])

    @property
    def retry_after_s(self) -> float | None:
        value = self.extra["retry_after_s"]
        return None if value is None else float(value)


class CallNotFound(NotFound):
    def __init__(self, call_id: str) -> None:
        super().__init__(f"There is no call {call_id}.", call_id=call_id)
