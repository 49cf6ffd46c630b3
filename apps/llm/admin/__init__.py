"""Model access in Django's admin, one file a subject."""

from apps.llm.admin.budgets import (
    BudgetAdmin,
    BudgetCounterAdmin,
    BudgetHoldAdmin,
    UsageBucketAdmin,
    UsageTotalAdmin,
)
from apps.llm.admin.calls import LlmCallAdmin
from apps.llm.admin.providers import (
    LlmSettingChangeAdmin,
    ModelAliasAdmin,
    ModelEntryAdmin,
    ProviderConfigAdmin,
    ProviderKeyAdmin,
)

__all__ = [
    "BudgetAdmin",
    "BudgetCounterAdmin",
    "BudgetHoldAdmin",
    "LlmCallAdmin",
    "LlmSettingChangeAdmin",
    "ModelAliasAdmin",
    "ModelEntryAdmin",
    "ProviderConfigAdmin",
    "ProviderKeyAdmin",
    "UsageBucketAdmin",
    "UsageTotalAdmin",
]
