"""Who may see a session: whoever may see its run, and the user that it works for."""

from collections.abc import Callable

from django.db.models import Q, QuerySet

from apps.core.api.callers import Caller
from apps.sessions.errors import ContainerNotFound, SessionNotFound
from apps.sessions.models import AgentSession, ContainerInstance

# (caller) -> the sessions of runs that the caller may see.
RunSessions = Callable[[Caller], Q]


def _none(caller: Caller) -> Q:
    return Q(pk__in=())


_of_runs: RunSessions = _none


def run_sessions_register(of_runs: RunSessions) -> None:
    """Called once, when the app that owns runs is ready: sessions cannot ask it themselves."""
    global _of_runs
    _of_runs = of_runs


def sessions_visible(caller: Caller) -> QuerySet[AgentSession]:
    """Sessions that the caller may see. An agent's session sees itself only."""
    if caller.is_admin:
        return AgentSession.objects.all()
    if "session" in caller.kinds:
        own = getattr(caller.credential, "session_id", "")
        return AgentSession.objects.filter(id=own)
    mine = Q(user_id=caller.user.pk) if caller.user.pk else Q(pk__in=())
    return AgentSession.objects.filter(mine | _of_runs(caller))


def access_session(caller: Caller, session_id: str) -> AgentSession:
    """Raises SessionNotFound, also for a session that is there but not for the caller."""
    session = sessions_visible(caller).filter(id=session_id).first()
    if session is None:
        raise SessionNotFound(session_id)
    return session


def containers_visible(caller: Caller) -> QuerySet[ContainerInstance]:
    """Boxes of sessions that the caller may see."""
    if caller.is_admin:
        return ContainerInstance.objects.all()
    return ContainerInstance.objects.filter(session__in=sessions_visible(caller))


def access_container(caller: Caller, container_id: int) -> ContainerInstance:
    """Raises ContainerNotFound, also for a box that is there but not for the caller."""
    found = containers_visible(caller).select_related("session").filter(pk=container_id).first()
    if found is None:
        raise ContainerNotFound(container_id)
    return found


def may_watch_session(caller: Caller, topic: str) -> bool:
    """Whether the caller may listen to the topic `session:<id>`."""
    return sessions_visible(caller).filter(id=topic.partition(":")[2]).exists()
