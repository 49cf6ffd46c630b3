"""Model access in Django's admin, one file a subject."""

from apps.llm.admin.budgets import (
    BudgetAdmin,
    BudgetCounterAdmin,
    BudgetHoldAdmin,
    UsageBucketAdmin,
    UsageTotalAdmin,
)
from apps.llm.admin.calls import LlmCallAdmin

__all__ = [
    "BudgetAdmin",
    "BudgetCounterAdmin",
    "BudgetHoldAdmin",
    "LlmCallAdmin",
    "UsageBucketAdmin",
    "UsageTotalAdmin",
]
