"""Whether a session's model calls are recorded, replayed, or neither.

A run may have its calls recorded, or answered from what was recorded of another; else the settings
say it for the whole instance.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from django.conf import settings

from apps.llm.facts import SessionFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    mode: Literal["off", "record", "replay"]
    directory: Path


def recording_of(facts: SessionFacts) -> Recording:
    """Asked at each call, on the event loop: it neither blocks nor asks the database."""
    if facts.replay_of:
        return Recording(mode="replay", directory=recording_directory(facts.replay_of))
    if facts.recorded_as:
        return Recording(mode="record", directory=recording_directory(facts.recorded_as))
    return Recording(mode=settings.LLM_CASSETTE, directory=Path(settings.LLM_CASSETTE_DIR))


def recording_directory(name: str) -> Path:
    """Where the cassettes of one run or one case are; `name` is its id."""
    return Path(settings.LLM_RECORDINGS_DIR) / name
