"""Model access in Django's admin, one file a subject."""

from apps.llm.admin.calls import LlmCallAdmin

__all__ = ["LlmCallAdmin"]
