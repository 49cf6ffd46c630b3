"""Which states of a session and of a box may follow which. Nothing else writes `status`."""

from django.db.models import Value
from django.db.models.functions import Coalesce, Now

from apps.sessions.models import AgentSession, ContainerInstance

_S = AgentSession.Status
_C = ContainerInstance.Status

SESSION_TERMINAL = frozenset({_S.COMPLETED, _S.FAILED, _S.STOPPED})
SESSION_LIVE = frozenset(_S) - SESSION_TERMINAL
SESSION_MOVES: dict[str, frozenset[str]] = {
    _S.STARTING: frozenset({_S.RUNNING, *SESSION_TERMINAL}),
    _S.RUNNING: SESSION_TERMINAL,
}

BOX_TERMINAL = frozenset({_C.STOPPED, _C.CRASHED, _C.FAILED})
BOX_MOVES: dict[str, frozenset[str]] = {
    _C.CREATED: frozenset({_C.STARTING, *BOX_TERMINAL}),
    _C.STARTING: frozenset({_C.READY, _C.STOPPING, *BOX_TERMINAL}),
    _C.READY: frozenset({_C.BUSY, _C.STOPPING, *BOX_TERMINAL}),
    _C.BUSY: frozenset({_C.IDLE, _C.STOPPING, *BOX_TERMINAL}),
    _C.IDLE: frozenset({_C.BUSY, _C.STOPPING, *BOX_TERMINAL}),
    _C.STOPPING: BOX_TERMINAL,
}


def _sources(moves: dict[str, frozenset[str]], to: str) -> list[str]:
    return [source for source, targets in moves.items() if to in targets]


def session_move(session_id: str, *, to: AgentSession.Status, **fields: object) -> bool:
    """Move a session, if it may still go there, and say whether this call did it."""
    moved = AgentSession.objects.filter(id=session_id, status__in=_sources(SESSION_MOVES, to))
    if to == _S.RUNNING:
        fields["started_at"] = Coalesce("started_at", Now())
    if to in SESSION_TERMINAL:
        fields["finished_at"] = Now()
    return moved.update(status=to, **fields) == 1


def box_move(container_id: int, *, to: ContainerInstance.Status, **fields: object) -> bool:
    """Move a box, if it may still go there, and say whether this call did it."""
    moved = ContainerInstance.objects.filter(id=container_id, status__in=_sources(BOX_MOVES, to))
    if to == _C.READY:
        fields["ready_at"] = Now()
    if to in BOX_TERMINAL:
        fields["stopped_at"] = Now()
    return moved.update(status=Value(to.value), last_seen_at=Now(), **fields) == 1
