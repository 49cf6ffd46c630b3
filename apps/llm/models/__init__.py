"""Tables of model access, one file a subject."""

from apps.llm.models.budgets import Budget, BudgetCounter, BudgetHold
from apps.llm.models.calls import LlmCall, new_call_id
from apps.llm.models.favorites import FavoriteModel
from apps.llm.models.providers import (
    LlmSetting,
    LlmSettingChange,
    ModelAlias,
    ModelEntry,
    ProviderConfig,
    ProviderKey,
    ProviderShare,
    RegistryVersion,
)
from apps.llm.models.usage import UsageBucket, UsageTotal

__all__ = [
    "Budget",
    "BudgetCounter",
    "BudgetHold",
    "FavoriteModel",
    "LlmCall",
    "LlmSetting",
    "LlmSettingChange",
    "ModelAlias",
    "ModelEntry",
    "ProviderConfig",
    "ProviderKey",
    "ProviderShare",
    "RegistryVersion",
    "UsageBucket",
    "UsageTotal",
    "new_call_id",
]
