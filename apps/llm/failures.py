"""Which failures of a call another model, or another key, can help with."""

from enum import StrEnum

from apps.llm.errors import GatewayError


class FailureClass(StrEnum):
    RATE_LIMITED = "rate_limited"  # 429, 529
    UNAVAILABLE = "unavailable"  # 5xx, no connection, no answer in time, a model that is gone
    KEY = "key"  # the provider refuses the key, or what it pays with is used up
    CONTEXT = "context"  # the prompt is too long for the model


_CLASSES = {
    "upstream_rate_limited": FailureClass.RATE_LIMITED,
    "upstream_unavailable": FailureClass.UNAVAILABLE,
    "upstream_unreachable": FailureClass.UNAVAILABLE,
    "upstream_timeout": FailureClass.UNAVAILABLE,
    "upstream_malformed": FailureClass.UNAVAILABLE,
    "upstream_model_not_found": FailureClass.UNAVAILABLE,
    "stream_interrupted": FailureClass.UNAVAILABLE,
    "provider_down": FailureClass.UNAVAILABLE,
    "provider_key_invalid": FailureClass.KEY,
    "provider_out_of_credit": FailureClass.KEY,
    "context_overflow": FailureClass.CONTEXT,
}


def class_of(error: GatewayError) -> FailureClass | None:
    """None: nobody else would do better. The request is at fault, or a limit of ours."""
    return _CLASSES.get(error.code)
