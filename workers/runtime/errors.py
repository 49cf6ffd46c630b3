"""Why a step ended badly, as a code that the control plane knows, and whether to try again."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic_ai import exceptions

# Codes that the gateway sends in its error body and that go through as they are.
GATEWAY_CODES: Mapping[str, bool] = {
    "budget_exceeded": False,
    "no_provider_key": False,
    "cassette_miss": False,
    "context_overflow": True,
}
# Other codes of the gateway that no second request mends, and the step's code for each.
HOPELESS: Mapping[str, str] = {
    "provider_key_invalid": "no_provider_key",
    "model_not_allowed": "model_error",
    "unknown_provider": "model_error",
    "malformed_model": "model_error",
    "no_base_url": "model_error",
    "wrong_dialect": "model_error",
    "ambiguous_model": "model_error",
    "model_without_tools": "model_error",
    "endpoint_unsupported": "model_error",
    "provider_disabled": "model_error",
    "base_url_refused": "model_error",
    "no_key_for_user": "no_provider_key",
    "provider_out_of_credit": "no_provider_key",
}
# The gateway knows when to ask again and a box need not wait for that: the step's code for each.
WAITING: Mapping[str, str] = {
    "upstream_rate_limited": "provider_rate_limited",
    "provider_down": "provider_down",
}


class StepFailed(Exception):
    """The step ends here. `code` is one of the control plane's step error codes."""

    def __init__(self, code: str, message: str, *, recoverable: bool = True) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.recoverable = recoverable


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    code: str
    message: str
    recoverable: bool
    transient: bool  # the same request may succeed in a moment


def diagnose(error: exceptions.AgentRunError) -> Diagnosis:
    message = _provider_message(error)
    code = _gateway_code(error)
    if code in GATEWAY_CODES:
        return _diagnosis(code, message, recoverable=GATEWAY_CODES[code])
    if code in WAITING:
        return _diagnosis(WAITING[code], message)
    if code in HOPELESS or code.startswith("script_"):
        return _diagnosis(HOPELESS.get(code, "model_error"), message, recoverable=False)
    match error:
        case exceptions.ModelAuthenticationError():
            return _diagnosis("no_provider_key", message, recoverable=False)
        case exceptions.ModelQuotaExceededError():
            return _diagnosis("budget_exceeded", message, recoverable=False)
        case exceptions.ModelContextWindowExceededError():
            return _diagnosis("context_overflow", message)
        case exceptions.ModelRequestRejectedError():
            return _diagnosis("model_error", message)
        case exceptions.ContentFilterError():
            return _diagnosis("model_refused", message)
        case exceptions.OutputTokenLimitExceeded():
            return _diagnosis("bad_output", message)
        case exceptions.ModelAPIError():
            return _diagnosis("model_unavailable", message, transient=True)
        case exceptions.UnexpectedModelBehavior():
            return _diagnosis("model_error", message)
    return _diagnosis("model_error", message)


def _diagnosis(
    code: str, message: str, *, recoverable: bool = True, transient: bool = False
) -> Diagnosis:
    return Diagnosis(code=code, message=message, recoverable=recoverable, transient=transient)


def _error_body(error: Exception) -> Mapping[str, object]:
    """The `error` object of an OpenAI-shaped or Anthropic-shaped body, or the body itself."""
    body = getattr(error, "body", None)
    if not isinstance(body, dict):
        return {}
    inner = body.get("error")
    return inner if isinstance(inner, dict) else body


def _gateway_code(error: Exception) -> str:
    body = _error_body(error)
    return str(body.get("code") or body.get("type") or "")


def _provider_message(error: Exception) -> str:
    said = _error_body(error).get("message") or _error_body(error).get("detail")
    status = getattr(error, "status_code", None)
    text = str(said or getattr(error, "message", "") or error)[:2000]
    return f"{text} (HTTP {status})" if status and said else text


def refuses_thinking(error: Exception) -> bool:
    """Whether a provider refused a request because it says how much to think."""
    if not isinstance(error, exceptions.ModelHTTPError) or error.status_code not in {400, 422}:
        return False
    text = str(error.body).lower()
    return any(word in text for word in ("reasoning_effort", "reasoning effort", "thinking"))
