"""What is known of the session that makes a call: which step of which run it works on.

This app stands below runs, so it cannot ask them. `settings.LLM_SESSION_FACTS` names the function
that answers, `(session_id) -> SessionFacts | None`; without it there are only the token's facts.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import cast

from django.conf import settings
from django.utils.module_loading import import_string


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionFacts:
    session_id: str = ""
    run_id: str = ""
    execution_id: int | None = None
    pipeline: str = ""
    step: str = ""
    agent: str = ""
    visit: int = 1
    attempt: int = 1
    item_index: int | None = None  # position in the step's loop
    item_kind: str = ""  # item | rework
    item: str = ""  # the item itself: a string, or JSON text
    loop_generation: int = 1
    outputs: tuple[str, ...] = ()  # declared by the step
    results: tuple[str, ...] = ()  # values that `on_result` of the step routes by
    loop_names: tuple[str, ...] = ()  # outputs that some step of the pipeline loops over
    recorded_as: str = ""  # the recording that the run's calls go into
    replay_of: str = ""  # the recording that answers them


@cache
def _source(path: str) -> Callable[[str], SessionFacts | None]:
    return cast(Callable[[str], SessionFacts | None], import_string(path))


def known_facts(session_id: str) -> SessionFacts | None:
    """What this process has already asked for."""
    return _known.get(session_id)


def session_facts(session_id: str) -> SessionFacts:
    """Asked once a session and process: a session works on one step and one item of its loop."""
    if known := _known.get(session_id):
        return known
    path: str = settings.LLM_SESSION_FACTS
    found = _source(path)(session_id) if path and session_id else None
    facts = found or SessionFacts(session_id=session_id)
    _remember(session_id, facts)
    return facts


_known: dict[str, SessionFacts] = {}
_KEPT = 2000


def _remember(session_id: str, facts: SessionFacts) -> None:
    while len(_known) >= _KEPT:
        _known.pop(next(iter(_known)), None)
    _known[session_id] = facts
