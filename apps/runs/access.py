"""Who may see a run: who started it, an admin, and the sessions that work in it."""

from collections.abc import Collection, Sequence
from functools import partial

from django.db.models import Q

from apps.core.api.callers import Caller
from apps.core.events import Frame
from apps.core.topics import FrameSieve
from apps.runs.choices import RUN_TERMINAL
from apps.runs.errors import RunNotFound
from apps.runs.events import run_topic
from apps.runs.models import Run


def visible_runs(caller: Caller) -> Q:
    """The filter that every query of runs starts from."""
    if caller.is_admin:
        return Q()
    if "session" in caller.kinds:
        return Q(id=_session_run(caller))
    if "user" in caller.kinds:
        return Q(initiated_by_id=caller.user.pk)
    return Q(pk__in=[])


def related_runs(caller: Caller) -> Q:
    """What a session may read of the past: all runs of the person it works for."""
    if "session" not in caller.kinds or caller.is_admin:
        return visible_runs(caller)
    owner = getattr(caller.credential, "user_id", None)
    own = Q(id=_session_run(caller))
    return own | Q(initiated_by_id=owner) if owner else own


def sessions_of_visible_runs(caller: Caller) -> Q:
    """The filter for agent sessions of runs that the caller may see."""
    return Q(run_id__in=Run.objects.filter(visible_runs(caller)).values("id"))


def access_run(caller: Caller, run_id: str) -> str:
    """The id of a run that the caller may see and steer. Raises RunNotFound for all others."""
    if not Run.objects.filter(visible_runs(caller), id=run_id).exists():
        raise RunNotFound(run_id)
    return run_id


def may_watch_run(caller: Caller, topic: str) -> bool:
    run_id = topic.removeprefix(run_topic(""))
    return Run.objects.filter(visible_runs(caller), id=run_id).exists()


def may_use_workspace(caller: Caller, run_id: str, change: bool) -> bool:
    """Files and history for whoever sees the run; merge and push for people only."""
    if change and "session" in caller.kinds:
        return False
    return Run.objects.filter(visible_runs(caller), id=run_id).exists()


def runs_that_move(run_ids: Collection[str]) -> Collection[str]:
    """Of these runs, those that have not ended; and none that is not there."""
    moving = Run.objects.filter(id__in=run_ids).exclude(status__in=RUN_TERMINAL)
    return frozenset(moving.values_list("id", flat=True))


def may_watch_feed(caller: Caller, topic: str) -> bool:
    """People, each for the runs that `own_frames` lets through. Agents watch their own run."""
    return bool(caller.kinds & {"user", "admin"})


def own_frames(caller: Caller) -> FrameSieve | None:
    """The feed carries the events of all people's runs: an admin sees them, others their own."""
    return None if caller.is_admin else partial(_own_frames, caller)


def _own_frames(caller: Caller, frames: Sequence[Frame]) -> list[bool]:
    named = {str(frame.data.get("runId") or "") for frame in frames}
    visible = Run.objects.filter(visible_runs(caller), id__in=named - {""})
    own = set(visible.values_list("id", flat=True))
    return [_is_own(frame, own, str(caller.user.pk)) for frame in frames]


def _is_own(frame: Frame, own: Collection[str], user_id: str) -> bool:
    if frame.type == "RUN_DELETED":  # its row is gone: the event says whose it was
        return str(frame.data.get("initiatedBy")) == user_id
    return frame.data.get("runId") in own


def _session_run(caller: Caller) -> str:
    return str(getattr(caller.credential, "run_id", ""))
