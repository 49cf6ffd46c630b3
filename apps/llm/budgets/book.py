"""Setting budgets."""

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F
from django.db.models.functions import Now

from apps.core.errors import Invalid
from apps.core.events import NewEvent, events_append
from apps.llm.budgets.errors import BudgetExists, BudgetNotFound, StaleVersion
from apps.llm.models import Budget, BudgetCounter
from apps.llm.models.budgets import BudgetAction, BudgetScope

BUDGETS_TOPIC = "budgets"
LIMITS = (
    *("soft_micro", "hard_micro", "soft_tokens", "hard_tokens"),
    *("soft_calls", "hard_calls"),
)


def budget_create(*, by: str, **fields: Any) -> Budget:
    """Raises Invalid for one that limits nothing or that contradicts itself, BudgetExists."""
    budget = Budget(created_by_id=by, **fields)
    _check(budget)
    try:
        with transaction.atomic():
            budget.save(force_insert=True)
            _told(budget)
    except IntegrityError as exc:
        raise BudgetExists(budget.scope, budget.ref, budget.window) from exc
    return budget


def budget_change(*, budget_id: str, changes: Mapping[str, Any], version: int | None) -> Budget:
    """Change limits, action or whether it holds. What is spent stays spent; who was refused may ask
    again. Raises BudgetNotFound, StaleVersion, Invalid."""
    with transaction.atomic():
        budget = _locked(budget_id)
        if version is not None and version != budget.version:
            raise StaleVersion(budget_id, budget.version)
        for name, value in changes.items():
            setattr(budget, name, value)
        _check(budget)
        Budget.objects.filter(pk=budget.pk).update(
            **changes, version=F("version") + 1, updated_at=Now()
        )
        _told(budget)
    budget.refresh_from_db()
    return budget


def budget_delete(*, budget_id: str) -> None:
    with transaction.atomic():
        budget = _locked(budget_id)
        budget.enabled = False
        _told(budget)
        budget.delete()


def _locked(budget_id: str) -> Budget:
    budget = Budget.objects.select_for_update().filter(pk=budget_id).first()
    if budget is None:
        raise BudgetNotFound(budget_id)
    return budget


def _check(budget: Budget) -> None:
    limits = {name: getattr(budget, name) for name in LIMITS}
    if all(value is None for value in limits.values()):
        raise Invalid("A budget needs at least one limit.", code="budget_without_limit")
    for measure in ("micro", "tokens", "calls"):
        soft, hard = limits[f"soft_{measure}"], limits[f"hard_{measure}"]
        if soft is not None and hard is not None and soft > hard:
            raise Invalid("A soft limit lies below its hard limit.", code="budget_soft_above_hard")
    if budget.scope == BudgetScope.INSTANCE and budget.ref:
        raise Invalid("There is one instance: its budget names none.", code="budget_ref_unwanted")
    if (budget.action == BudgetAction.DOWNGRADE) != bool(budget.downgrade_model):
        raise Invalid(
            "`downgrade` and a `downgrade_model` belong together.", code="budget_downgrade_model"
        )


def _told(budget: Budget) -> None:
    """Forget what was told under the old limits, and tell of the new ones."""
    counters = BudgetCounter.objects.filter(scope=budget.scope, window=budget.window)
    if budget.ref:
        counters = counters.filter(subject=budget.ref)
    counters.update(refused_at=None, told_percent=0)
    limits = {name: getattr(budget, name) for name in LIMITS}
    payload = {
        "budgetId": budget.pk,
        "scope": budget.scope,
        "ref": budget.ref,
        "window": budget.window,
        "enabled": budget.enabled,
        **limits,
    }
    events_append(BUDGETS_TOPIC, [NewEvent(type="budget.raised", payload=payload)])
