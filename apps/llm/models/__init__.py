"""Tables of model access, one file a subject."""

from apps.llm.models.calls import LlmCall, new_call_id

__all__ = ["LlmCall", "new_call_id"]
