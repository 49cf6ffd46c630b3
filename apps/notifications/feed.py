"""Reading the event log for what people should hear of. Each event is looked at once: the place up
to which it was read moves in the transaction that writes the notifications."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import structlog
from django.db import transaction

from apps.accounts.models import User
from apps.accounts.roles import Role
from apps.core.events import FeedCursor, Frame, feed_after, feed_position
from apps.notifications.models import FeedPlace
from apps.notifications.services import notify
from apps.runs.models import Run

log = structlog.get_logger(__name__)

PAGE = 500
PAGES = 20  # a firing; what is left waits for the next


def feed_follow() -> int:
    """How many events were looked at. One process reads at a time; a second one returns at once."""
    looked_at = 0
    for _ in range(PAGES):
        count = _page()
        looked_at += count
        if count < PAGE:
            break
    return looked_at


@transaction.atomic
def _page() -> int:
    place = FeedPlace.objects.select_for_update(skip_locked=True).first()
    if place is None:
        if not FeedPlace.objects.exists():
            _begin()
        return 0
    page = feed_after(FeedCursor(place.xid, place.row_id), PAGE)
    for frame in page.frames:
        _told(frame)
    place.xid, place.row_id = page.cursor.xid, page.cursor.id
    place.save(update_fields=["xid", "row_id"])
    return len(page.frames)


def _told(frame: Frame) -> None:
    """An event of another shape than its teller knows is passed over: it would hold up all others.
    Any other failure undoes the page, which is read again."""
    teller = TELLERS.get(frame.type)
    if teller is None:
        return
    try:
        with transaction.atomic():
            teller(frame.data)
    except (KeyError, TypeError, ValueError):
        log.exception("An event is told to nobody: its shape is not known", type=frame.type)


def _begin() -> None:
    """An instance that begins to listen is not told of its past."""
    now = feed_position()
    FeedPlace.objects.get_or_create(pk=1, defaults={"xid": now.xid, "row_id": now.id})


def _run_told(kind: str, run_id: str, body: str, dedupe: str = "") -> None:
    """Whoever started the run; administrators, when nobody did."""
    run = Run.objects.select_related("initiated_by").filter(pk=run_id).first()
    if run is None:  # it is gone meanwhile
        return
    user = run.initiated_by
    notify(
        kind=kind,
        user=user if isinstance(user, User) else None,
        role="" if isinstance(user, User) else Role.ADMIN,
        body=f"{run.task_description[:200]}\n{body}".strip(),
        link=f"/runs/{run_id}",
        about=("run", run_id),
        dedupe_key=f"{kind}:{run_id}:{dedupe}",
    )


def _run_failed(data: Mapping[str, Any]) -> None:
    _run_told("run.failed", data["runId"], data["error"])


def _approval(data: Mapping[str, Any]) -> None:
    _run_told("run.approval", data["runId"], data["text"], data["approvalId"])


def _parked(data: Mapping[str, Any]) -> None:
    _run_told("run.parked", data["runId"], data["message"], data["code"])


def _storage(data: Mapping[str, Any]) -> None:
    why = {
        "project_quota": "What its project stores is over the quota of projects.",
        "storage_away": data.get("message", ""),
    }
    _run_told("run.storage", data["runId"], why.get(data["reason"], ""))


def _admins_told(kind: str, body: str, link: str, key: str) -> None:
    notify(kind=kind, role=Role.ADMIN, body=body, link=link, dedupe_key=f"{kind}:{key}")


def _budget(kind: str) -> Callable[[Mapping[str, Any]], None]:
    def tell(data: Mapping[str, Any]) -> None:
        about = f"{data['scope']} {data['ref']}".strip()
        key = f"{data['budgetId']}:{data['ref']}"
        _admins_told(kind, f"Budget of {about}, by {data['window']}.", "/usage/budgets", key)

    return tell


def _key_invalid(data: Mapping[str, Any]) -> None:
    body = f"{data['provider']} refuses the {data['scope']} key."
    key = f"{data['provider']}:{data['key_id']}"
    _admins_told("provider.key_invalid", body, "/settings/providers", key)


def _quota(data: Mapping[str, Any]) -> None:
    _admins_told("agent.quota", f"Agent {data['agentId']}.", "/agents", data["agentId"])


TELLERS: Final[dict[str, Callable[[Mapping[str, Any]], None]]] = {
    "RUN_FAILED": _run_failed,
    "APPROVAL_REQUESTED": _approval,
    "STEP_PARKED": _parked,
    "RUN_WAITING": _storage,
    "budget.soft": _budget("budget.soft"),
    "budget.hard": _budget("budget.hard"),
    "llm.key.invalid": _key_invalid,
    "QUOTA_EXCEEDED": _quota,
}
