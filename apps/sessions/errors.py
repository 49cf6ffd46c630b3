"""What can be wrong with a request about sessions."""

from apps.core.errors import Conflict, NotFound


class SessionNotFound(NotFound):
    def __init__(self, session_id: str) -> None:
        super().__init__(f"There is no session {session_id}.", session_id=session_id)


class ContainerNotFound(NotFound):
    def __init__(self, container_id: int) -> None:
        super().__init__(f"There is no box {container_id}.", container_id=container_id)


class SessionNotRunning(Conflict):
    def __init__(self, session_id: str, status: str) -> None:
        super().__init__(
            f"The session is {status}; only a running one can be stopped.",
            code="sessions.not_running",
            session_id=session_id,
            status=status,
        )
