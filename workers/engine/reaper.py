"""Cleaning up after boxes that nobody supervises any more, with all that was their sessions'."""

from collections.abc import Iterable, Sequence
from datetime import timedelta

import redis
import structlog
from django.conf import settings
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from apps.accounts.services import session_tokens_revoke
from apps.core.errors import DjinnError
from apps.core.redis import redis_client
from apps.runs.choices import STEP_HELD, StepStatus
from apps.runs.models import StepExecution
from apps.sessions.machine import SESSION_LIVE
from apps.sessions.models import AgentSession, ContainerInstance
from apps.sessions.services import box_ended, session_finish
from workers.engine.boxes import instance
from workers.engine.channel import ACCOUNT_PREFIX
from workers.engine.known import masker_of
from workers.protocol.keys import StreamKeys
from workers.runners.base import APP, LABEL_APP, LABEL_INSTANCE, LABEL_SESSION, Box, Runner
from workers.runners.registry import runners

log = structlog.get_logger(__name__)

_ORPHAN_GRACE_S = 120
_HOLDING = Q(status__in=[*STEP_HELD, StepStatus.QUEUED])  # an execution that has, or may adopt, it


def reap_boxes() -> int:
    """Remove boxes, Redis accounts and tokens whose session has ended or lost its worker.

    Says how many boxes went. Safe to run at any time: a session that somebody supervises is left
    alone, and one that just lost its worker may still be adopted for two minutes.
    """
    removed = 0
    for runner in _usable_runners():
        for box in _boxes_of(runner):
            if _is_orphan(box.labels.get(LABEL_SESSION, "")):
                removed += _reap(runner, box)
        removed += _swept(runner)
    _end_lost_sessions()
    _reap_accounts()
    return removed


def _usable_runners() -> Sequence[Runner]:
    known = runners(boxes_dir=settings.BOXES_DIR, image="")
    return [runner for runner in known.values() if not runner.unavailable()]


def _boxes_of(runner: Runner) -> list[Box]:
    try:
        return runner.list({LABEL_APP: APP, LABEL_INSTANCE: instance()})
    except DjinnError as exc:
        log.warning("boxes could not be listed", runner=runner.name, error=exc.message)
        return []


def _swept(runner: Runner) -> int:
    try:
        return runner.sweep()
    except DjinnError as exc:
        log.warning("what other installs left stays", runner=runner.name, error=exc.message)
        return 0


def _is_orphan(session_id: str) -> bool:
    session = AgentSession.objects.filter(id=session_id).first()
    if session is None:
        return True
    if session.status not in SESSION_LIVE:
        # Its supervisor is about to remove it; that takes seconds.
        ended = session.finished_at
        return ended is None or (timezone.now() - ended).total_seconds() > _ORPHAN_GRACE_S
    return not _is_supervised(session)


def _is_supervised(session: AgentSession) -> bool:
    """Whether an execution holds the session, or may yet adopt it."""
    held = StepExecution.objects.filter(session=session)
    if held.filter(_HOLDING).exists():
        return True
    age_s = (timezone.now() - session.created_at).total_seconds()
    return age_s < _ORPHAN_GRACE_S and not held.exists()


def _reap(runner: Runner, box: Box) -> int:
    session_id = box.labels.get(LABEL_SESSION, "")
    log.warning("removing a box that nobody supervises", box=box.name, session_id=session_id)
    try:
        tail = runner.logs(box)
        runner.remove(box)
    except DjinnError as exc:
        log.warning("a box could not be removed", box=box.name, error=exc.message)
        return 0
    if session_id:  # else it was made ahead, and its worker ended before any session took it
        _end_lost(session_id, log_tail=masker_of(session_id).masked(tail))
    return 1


def _end_lost_sessions() -> None:
    """Sessions without a box of this host: it was never made, or it is gone already."""
    held = StepExecution.objects.filter(session=OuterRef("pk"))
    old = Q(created_at__lt=timezone.now() - timedelta(seconds=_ORPHAN_GRACE_S))
    lost = AgentSession.objects.filter(
        ~Exists(held.filter(_HOLDING)),
        Exists(held) | old,
        status__in=SESSION_LIVE,
        source=AgentSession.Source.PIPELINE,
    )
    for session_id in lost.values_list("id", flat=True):
        log.warning("ending a session that nobody supervises", session_id=session_id)
        _end_lost(session_id)


def _end_lost(session_id: str, *, log_tail: str = "") -> None:
    session_tokens_revoke(session_id)
    for container in ContainerInstance.objects.filter(session_id=session_id):
        box_ended(
            container_id=container.pk,
            status=ContainerInstance.Status.STOPPED,
            log_tail=log_tail,
        )
    session_finish(
        session_id=session_id,
        status=AgentSession.Status.FAILED,
        error_code="worker_lost",
        error="The worker that supervised this session is gone.",
    )


def _reap_accounts() -> None:
    """Delete Redis accounts of sessions that have ended."""
    try:
        client = redis_client()
        names = [_name(user) for user in client.acl_users()]
        ours = [name for name in names if name.startswith(ACCOUNT_PREFIX)]
        live = _live_sessions(name.removeprefix(ACCOUNT_PREFIX) for name in ours)
        dead = [name for name in ours if name.removeprefix(ACCOUNT_PREFIX) not in live]
        for name in dead:
            client.acl_deluser(name)
            for key in StreamKeys(name.removeprefix(ACCOUNT_PREFIX)).all:
                client.expire(key, 60)
    except redis.RedisError as exc:
        log.warning("Redis accounts could not be looked through", error=str(exc))


def _name(user: bytes | str) -> str:
    return user.decode() if isinstance(user, bytes) else user


def _live_sessions(ids: Iterable[str]) -> set[str]:
    found = AgentSession.objects.filter(id__in=list(ids), status__in=SESSION_LIVE)
    return set(found.values_list("id", flat=True))
