"""What must not show in what a session says: its own credentials, and the secrets it may use."""

from collections.abc import Iterable

import structlog
from django.db import DatabaseError, connection

from apps.secrets.usable import session_value_versions, session_values
from apps.sessions.services import session_credentials
from workers.protocol.masking import Masker

log = structlog.get_logger(__name__)

Versions = tuple[tuple[str, int], ...]


def masker_of(session_id: str) -> Masker:
    """For what a session left behind."""
    own = session_credentials(session_id=session_id).values()
    return Masker((*own, *session_values(session_id)))


class KnownValues:
    """The masker of a session that runs, which learns a secret's new value before the session can
    tell it: `refresh` stands between reading what the box said and telling it."""

    def __init__(self, session_id: str, own: Iterable[str] = ()) -> None:
        self.masker = Masker(own)
        self._session_id = session_id
        self._versions: Versions = ()
        self._loaded = False

    def load(self) -> None:
        """The first time. Raises DatabaseError: nothing may be told before it."""
        self._learn(session_value_versions(self._session_id))
        self._loaded = True

    def refresh(self) -> None:
        """Costs a query, and nothing for a session without secrets: it gets none later. With the
        database away the box can be given no new value either."""
        if self._loaded and not self._versions:
            return
        try:
            self._learn(session_value_versions(self._session_id))
        except DatabaseError:
            log.info("a session's secrets could not be looked at")
        finally:
            if not connection.in_atomic_block:
                connection.close()

    def _learn(self, versions: Versions) -> None:
        if versions == self._versions:
            return
        self.masker.add(session_values(self._session_id))
        self._versions = versions
