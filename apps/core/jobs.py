"""Long work that people asked for and do not wait for: each app tells of its own."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from apps.core.api.callers import Caller

KEPT: Final = timedelta(minutes=30)  # that long one that has ended is told of
State = Literal["waiting", "running", "done", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    kind: str
    id: str
    title: str
    state: State
    detail: str = ""  # how far it is, or what went wrong
    done: int | None = None
    total: int | None = None
    created_at: datetime
    finished_at: datetime | None = None


# (caller, since) -> jobs that the caller may see: those under way, and those ended since then.
Teller = Callable[[Caller, datetime], Iterable[Job]]

_tellers: list[Teller] = []


def register_jobs(teller: Teller) -> None:
    _tellers.append(teller)


def job_list(caller: Caller, since: datetime) -> list[Job]:
    """The newest first."""
    found = [job for tell in _tellers for job in tell(caller, since)]
    return sorted(found, key=lambda job: job.created_at, reverse=True)
