"""What the runtime must know of an agent's command line."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Protocol


@dataclass(frozen=True, slots=True)
class Said:
    """Text of the agent. `turn` tells the pieces of one answer from those of the next."""

    text: str
    turn: str = ""


@dataclass(frozen=True, slots=True)
class Thought:
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolBegan:
    id: str
    name: str
    args: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolEnded:
    id: str
    result: str
    success: bool = True
    duration_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnEnded:
    """One answer of the model is complete, with what it used."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0


@dataclass(frozen=True, slots=True)
class SessionNamed:
    """The program's own name for the session, by which it can be resumed."""

    id: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The program reports that it cannot go on. It usually ends after this."""

    message: str


Event = Said | Thought | ToolBegan | ToolEnded | TurnEnded | SessionNamed | Failed


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What one start of the program is about.

    `base_url` speaks OpenAI's chat completions below `/chat/completions`. `resume` is the session
    to go on with, empty at the first start. `state` is a directory of this session alone.
    """

    prompt: str
    system_prompt: str
    model: str
    base_url: str
    key: str
    directory: Path  # where the harness is installed
    workspace: Path
    state: Path
    max_turns: int
    resume: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """How to start the program. `watched`: a file it rewrites as it goes, instead of stdout."""

    command: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    stdin: str = ""
    watched: Path | None = None


class Adapter(Protocol):
    """One instance a session. Lines that are no events are passed over."""

    name: ClassVar[str]
    resumable: ClassVar[bool]  # it can be told more after it has ended

    def start(self, task: Task) -> Start:
        """Write what the program needs into `task.state`; how to start it."""

    def events(self, text: str) -> Iterator[Event]:
        """What a line of stdout, or the watched file as it is now, tells that was not told yet."""
