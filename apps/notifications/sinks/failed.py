from apps.core.errors import AppError


class SinkFailed(AppError):
    """It did not arrive. `hopeless`: another try will not help. No secret in the message."""

    default_code = "sink_failed"

    def __init__(self, message: str, *, hopeless: bool = False) -> None:
        super().__init__(message, hopeless=hopeless)
        self.hopeless = hopeless
