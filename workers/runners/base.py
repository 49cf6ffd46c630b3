"""What a box is, and what every runner can do with one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import ClassVar, Literal, Protocol

from apps.core.errors import RunnerError

LABEL_APP = "app"
LABEL_INSTANCE = "instance"
LABEL_SESSION = "session"
APP = "djinnbot"
NAME_PREFIX = f"{APP}-"  # of a session's box; the session's id follows
LOG_TAIL_LINES = 200
LOG_LIMIT_BYTES = 10 * 1024 * 1024

BackendName = Literal["docker", "bubblewrap", "process"]
LimitName = Literal["memory", "pids", "disk", "quota"]
DiskLimit = Literal["", "disk", "quota"]


class Network(StrEnum):
    NONE = "none"
    HOST = "host"  # the host's own, shared; no isolation of the network


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """A directory of the host, and where the box sees it (a bare process sees the source).

    `quota_bytes`: what may lie in it in all, whoever has put it there; None: no limit.
    """

    source: Path
    target: str
    read_only: bool = True
    quota_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    memory_mb: int = 2048
    cpus: float = 2.0
    pids: int = 512
    tmp_mb: int = 1024
    shm_mb: int = 256
    disk_mb: int = 10_240  # what the box may add to its writable mounts, and the size of one file

    def as_json(self) -> dict[str, float]:
        return {
            "memory_mb": self.memory_mb,
            "cpus": self.cpus,
            "pids": self.pids,
            "disk_mb": self.disk_mb,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class BoxSpec:
    """`command` empty: the agent runtime. `env` is the whole environment but PATH and the like."""

    name: str
    image: str = ""
    command: Sequence[str] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    mounts: Sequence[Mount] = ()
    workdir: str = "/"
    limits: Limits = field(default_factory=Limits)
    labels: Mapping[str, str] = field(default_factory=dict)
    network: Network = Network.NONE
    uid: int = 1000
    gid: int = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A box that exists, as its runner knows it. `external_id` finds it again after a restart."""

    backend: BackendName
    name: str
    external_id: str
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class BoxState:
    """`exit_code` is 128 + n for a box killed by signal n, and None where nobody saw the end."""

    running: bool
    exit_code: int | None = None
    oom_killed: bool = False
    start_failed: bool = False
    over_disk: DiskLimit = ""  # it was ended for what it wrote: more than a box may, or a quota
    # How often a limit has bitten so far: processes killed for memory, forks refused.
    hits: Mapping[LimitName, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class BoxStats:
    memory_bytes: int
    processes: int


class BoxStartFailed(RunnerError):
    """The box could not be made or started."""

    default_code = "container_start_failed"


class RunnerUnavailable(RunnerError):
    """The backend itself does not answer."""

    default_code = "runner_unavailable"


class Runner(Protocol):
    """All calls block, and may come from any thread."""

    name: ClassVar[BackendName]
    isolated: ClassVar[bool]

    def unavailable(self) -> str:
        """Why this backend cannot be used here, as a sentence; empty when it can."""

    def seen(self, mount: Mount) -> str:
        """The path at which a box sees a mount."""

    def harnesses(self, image: str) -> frozenset[str]:
        """Programs of other agents that its boxes bring along, in `/opt/harness`."""

    def tmp(self, name: str) -> str:
        """The path of the box's own temporary directory, as it sees it."""

    def warm(self, like: BoxSpec, count: int) -> None:
        """Get ready, so that boxes like this start sooner; where boxes can be made ahead, keep
        `count` of them. Nothing of `like` but image, limits, user, network and labels counts."""

    def cool(self) -> None:
        """Give up what `warm` has made."""

    def sweep(self) -> int:
        """Remove what installs that are gone have left on this host, where it is certain that
        nobody can use it any more. How much that was."""

    def create(self, spec: BoxSpec) -> Box:
        """Make a box that does not run yet. A stale one of the same name goes first."""

    def start(self, box: Box) -> None: ...

    def wait_ready(self, box: Box, timeout_s: float) -> None:
        """Wait until its program has been started. Raises BoxStartFailed."""

    def state(self, box: Box) -> BoxState:
        """Cheap enough to ask every second. A box that is gone does not run."""

    def stop(self, box: Box, *, grace_s: float = 10) -> None:
        """SIGTERM, then after the grace SIGKILL for everything in it. Gone already: fine."""

    def remove(self, box: Box) -> None:
        """Kill what still runs, and leave nothing. Gone already: fine."""

    def adopt(self, box: Box, spec: BoxSpec) -> None:
        """Look after a box that an earlier worker has made; of `spec`, mounts and limits count."""

    def list(self, labels: Mapping[str, str]) -> list[Box]:
        """Boxes of this host that bear all these labels, running or not."""

    def stats(self, box: Box) -> BoxStats: ...

    def logs(self, box: Box, *, tail: int = LOG_TAIL_LINES) -> str:
        """The end of what the box wrote to stdout and stderr."""
