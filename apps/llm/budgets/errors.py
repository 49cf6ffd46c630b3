"""No to a call, and why."""

from datetime import datetime
from typing import Any

from apps.core.errors import Conflict, NotFound
from apps.llm.errors import GatewayError

BUDGET_EXCEEDED = "budget_exceeded"


class BudgetExceeded(GatewayError):
    """The worst case of a call does not fit below a hard limit. `window_end` None: waiting does not
    help, only a higher limit does."""

    default_code = BUDGET_EXCEEDED

    def __init__(self, message: str, *, window_end: datetime | None, **facts: Any) -> None:
        self.window_end = window_end
        super().__init__(message, http_status=429, **facts)


class BudgetNotFound(NotFound):
    def __init__(self, budget_id: str) -> None:
        super().__init__(f"There is no budget {budget_id}.", budget_id=budget_id)


class BudgetExists(Conflict):
    default_code = "already_exists"

    def __init__(self, scope: str, ref: str, window: str) -> None:
        what = f"{scope} {ref}" if ref else f"each {scope}"
        period = "in total" if window == "total" else f"a {window}"
        super().__init__(
            f"There is a budget of {what} {period} already; change that one.",
            scope=scope,
            ref=ref,
            window=window,
        )


class StaleVersion(Conflict):
    default_code = "stale_version"

    def __init__(self, budget_id: str, current: int) -> None:
        super().__init__(
            "Somebody has changed this budget meanwhile; read it again.",
            budget_id=budget_id,
            current_version=current,
        )
