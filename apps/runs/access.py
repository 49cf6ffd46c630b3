"""Who may see a run: who started it, an admin, and the sessions that work in it."""

from collections.abc import Collection

from django.db.models import Q

from apps.core.api.callers import Caller
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


def may_watch_all(caller: Caller, topic: str) -> bool:
    """The feed carries the events of all people's runs."""
    return caller.is_admin


def _session_run(caller: Caller) -> str:
    return str(getattr(caller.credential, "run_id", ""))
