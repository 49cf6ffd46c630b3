"""The life of a session and of its box, as rows."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from django.db.models.functions import Coalesce, Now

from apps.core.crypto import Unreadable, sealed_get, sealed_set
from apps.sessions.errors import SessionNotRunning
from apps.sessions.machine import (
    BOX_TERMINAL,
    SESSION_LIVE,
    SESSION_TERMINAL,
    box_move,
    session_move,
)
from apps.sessions.models import AgentSession, ContainerInstance

log = structlog.get_logger(__name__)

LOG_TAIL_CHARS = 64_000


def session_create(
    *,
    source: AgentSession.Source,
    agent_id: str,
    source_id: str = "",
    run_id: str = "",
    step_id: str = "",
    user_id: str = "",
    model: str = "",
) -> AgentSession:
    return AgentSession.objects.create(
        source=source,
        source_id=source_id,
        agent_id=agent_id,
        run_id=run_id,
        step_id=step_id,
        user_id=user_id or None,
        model=model,
    )


def session_prompt_set(
    *, session_id: str, system: str, user: str, parts: Sequence[Mapping[str, Any]]
) -> None:
    AgentSession.objects.filter(id=session_id).update(
        system_prompt=_clean(system), user_prompt=_clean(user), prompt_parts=list(parts)
    )


def session_credentials_keep(*, session: AgentSession, token: str, password: str) -> None:
    sealed_set(session, "credentials", json.dumps({"token": token, "password": password}))
    session.save(update_fields=["credentials"])


def session_credentials(*, session_id: str) -> Mapping[str, str]:
    """`token` and `password` of a session's box. Empty: the session has ended, or they cannot be
    read any more."""
    session = AgentSession.objects.filter(id=session_id).only("credentials").first()
    try:
        text = sealed_get(session, "credentials") if session is not None else ""
    except Unreadable as exc:
        log.warning("a session's credentials", session_id=session_id, error=exc.message)
        return {}
    return dict(json.loads(text)) if text else {}


def session_running(*, session_id: str) -> bool:
    return session_move(session_id, to=AgentSession.Status.RUNNING)


def session_seen(*, session_id: str, turn_count: int) -> None:
    """A sign of life from the box."""
    AgentSession.objects.filter(id=session_id, status__in=SESSION_LIVE).update(
        last_seen_at=Now(), turn_count=turn_count
    )


def session_finish(
    *,
    session_id: str,
    status: AgentSession.Status,
    output: str = "",
    error_code: str = "",
    error: str = "",
    model: str = "",
    turn_count: int | None = None,
) -> bool:
    """End a session once. False: it had ended before."""
    assert status in SESSION_TERMINAL
    fields: dict[str, object] = {
        "output": _clean(output),
        "error_code": error_code,
        "error": _clean(error),
        "credentials": "",
    }
    if model:
        fields["model"] = model
    if turn_count is not None:
        fields["turn_count"] = turn_count
    return session_move(session_id, to=status, **fields)


def session_stop(*, session: AgentSession) -> AgentSession:
    """Ask a session to stop; its supervisor sees it within a second. Asked again: the same.

    Raises SessionNotRunning.
    """
    asked = AgentSession.objects.filter(id=session.pk, status__in=SESSION_LIVE).update(
        stop_requested_at=Coalesce("stop_requested_at", Now())
    )
    session.refresh_from_db()
    if not asked:
        raise SessionNotRunning(session.pk, session.status)
    return session


def session_stop_requested(*, session_id: str) -> bool:
    asked = AgentSession.objects.filter(id=session_id, stop_requested_at__isnull=False)
    return asked.exists()


def box_create(
    *,
    session_id: str,
    backend: str,
    name: str,
    attempt: int,
    image: str,
    node: str,
    limits: Mapping[str, float],
) -> ContainerInstance:
    return ContainerInstance.objects.create(
        session_id=session_id,
        backend=backend,
        name=name,
        attempt=attempt,
        image=image,
        node=node,
        limits=dict(limits),
    )


def box_starting(*, container_id: int, external_id: str) -> bool:
    return box_move(container_id, to=ContainerInstance.Status.STARTING, external_id=external_id)


def box_stats(*, container_id: int, memory_bytes: int, processes: int) -> None:
    """What the box takes up at present."""
    ContainerInstance.objects.filter(pk=container_id).update(
        stats={"memory_bytes": memory_bytes, "processes": processes}, last_seen_at=Now()
    )


def box_ended(
    *,
    container_id: int,
    status: ContainerInstance.Status,
    exit_code: int | None = None,
    oom_killed: bool = False,
    log_tail: str = "",
) -> bool:
    """The box is gone. False: that was known."""
    assert status in BOX_TERMINAL
    return box_move(
        container_id,
        to=status,
        exit_code=exit_code,
        oom_killed=oom_killed,
        log_tail=_clean(log_tail)[-LOG_TAIL_CHARS:],
    )


def _clean(text: str) -> str:
    """PostgreSQL takes no NUL and no half of a surrogate pair."""
    return text.encode("utf-8", "replace").decode().replace("\0", "\ufffd")
