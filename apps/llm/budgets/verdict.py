"""What the database says of a call that wants to be made."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from apps.core.events import NewEvent, timestamp
from apps.llm.budgets.errors import BudgetExceeded
from apps.llm.money import usd_text

VerdictKind = Literal["admitted", "warned", "downgrade", "refused"]
_PERIODS = {"hour": "this hour", "day": "today", "week": "this week", "month": "this month"}


@dataclass(frozen=True, slots=True)
class Verdict:
    """The columns of `llm_budget_reserve`. All but the first two tell of the budget that stands in
    the way; amounts are micro-dollars, tokens or calls, as `measure` says."""

    kind: VerdictKind
    budget_ids: list[str]
    budget_id: str
    scope: str
    subject: str
    window: str
    measure: Literal["cost", "tokens", "calls"]
    hard: int | None
    used: int
    held: int
    wanted: int
    window_end: datetime | None
    downgrade_model: str
    is_first: bool | None  # nobody was refused since the window began or the limit was changed

    def error(self) -> BudgetExceeded:
        return BudgetExceeded(
            self._sentence(),
            window_end=self.window_end,
            budget_id=self.budget_id,
            scope=self.scope,
            subject=self.subject,
            window=self.window,
            measure=self.measure,
            limit=self.hard,
            used=self.used,
            held=self.held,
            wanted=self.wanted,
            reset_at=timestamp(self.window_end) if self.window_end else None,
        )

    def event(self) -> NewEvent:
        return NewEvent(
            type="budget.hard",
            payload={
                "budgetId": self.budget_id,
                "scope": self.scope,
                "ref": self.subject,
                "window": self.window,
                "measure": self.measure,
                "limit": self.hard,
                "used": self.used,
                "held": self.held,
                "wanted": self.wanted,
                "windowEnd": timestamp(self.window_end) if self.window_end else None,
                "refused": self.kind == "refused",
            },
        )

    def _sentence(self) -> str:
        of = f"{self.scope} {self.subject}".strip()
        period = _PERIODS.get(self.window, "in all")
        held = f" and {self._amount(self.held)} held by calls under way" if self.held else ""
        return (
            f"The budget of {of} allows {self._amount(self.hard or 0)} {period};"
            f" {self._amount(self.used)} is spent{held},"
            f" and this call may need up to {self._amount(self.wanted)}."
        )

    def _amount(self, count: int) -> str:
        return usd_text(count) if self.measure == "cost" else f"{count:,} {self.measure}"
