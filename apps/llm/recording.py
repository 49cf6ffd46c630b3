"""Whether a session's model calls are recorded, replayed, or neither."""

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
    return Recording(mode=settings.LLM_CASSETTE, directory=Path(settings.LLM_CASSETTE_DIR))
