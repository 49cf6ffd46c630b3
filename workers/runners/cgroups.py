"""Memory, CPU and process limits for boxes without Docker, where this user may make cgroups."""

import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from workers.runners.base import LimitName, Limits

_ROOT = Path("/sys/fs/cgroup")
_PERIOD_US = 100_000


@dataclass(frozen=True, slots=True)
class BoxCgroup:
    """The directories of one box, one per hierarchy (a single one with cgroup v2)."""

    directories: tuple[Path, ...]
    v2: bool

    def oom_killed(self) -> bool:
        return self._memory_kills() > 0

    def hits(self) -> dict[LimitName, int]:
        """Limits that have bitten since the cgroup was made."""
        found: dict[LimitName, int] = {
            "memory": self._memory_kills(),
            "pids": self._count("pids.events", "max"),
        }
        return {name: count for name, count in found.items() if count}

    def _memory_kills(self) -> int:
        return self._count("memory.events" if self.v2 else "memory.oom_control", "oom_kill")

    def _count(self, file: str, key: str) -> int:
        for line in self._read(file).splitlines():
            name, _, value = line.partition(" ")
            if name == key:
                return int(value)
        return 0

    def memory_bytes(self) -> int:
        name = "memory.current" if self.v2 else "memory.usage_in_bytes"
        return int(self._read(name) or 0)

    def processes(self) -> list[int]:
        return [int(line) for line in self._read("cgroup.procs").split()]

    def kill(self) -> None:
        """Kill everything in it, and what it forks meanwhile."""
        for _ in range(50):
            found = self.processes()
            if not found:
                return
            for pid in found:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.02)

    def remove(self) -> None:
        for directory in self.directories:
            for _ in range(50):
                try:
                    directory.rmdir()
                except FileNotFoundError:
                    break
                except OSError:  # its last process is not gone yet
                    time.sleep(0.02)
                else:
                    break

    def _read(self, name: str) -> str:
        for directory in self.directories:
            with suppress(OSError):
                return (directory / name).read_text()
        return ""


def cgroups_unavailable() -> str:
    """What boxes without Docker lack here, as a sentence; empty when their limits can be held."""
    if _bases() is not None:
        return ""
    return (
        "No cgroups can be made by this user: memory and processes of boxes are looked at each "
        "second, and their CPU time is not limited."
    )


def cgroup_create(name: str, limits: Limits) -> BoxCgroup | None:
    """A cgroup with the limits set, or None where this user cannot make one."""
    found = cgroup_of(name)
    if found is None:
        return None
    try:
        for directory in found.directories:
            directory.mkdir(exist_ok=True)
        _set_limits(found, limits)
    except OSError:
        found.remove()
        return None
    return found


def cgroup_of(name: str) -> BoxCgroup | None:
    """The cgroup of a box by its name, whether or not it exists."""
    bases = _bases()
    if bases is None:
        return None
    directories, v2 = bases
    return BoxCgroup(tuple(base / f"djinnbot-{name}" for base in directories), v2)


def cgroup_of_process(pid: int) -> BoxCgroup | None:
    """Where a process of this host is counted, made by whom it may; None: out of sight."""
    try:
        lines = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
    except OSError:
        return None
    places: dict[str, str] = {}
    for line in lines:
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            places[controller] = path.lstrip("/")
    if (_ROOT / "cgroup.controllers").exists():
        return BoxCgroup((_ROOT / places.get("", ""),), v2=True)
    directories = [
        _ROOT / name / places[name] for name in ("memory", "pids", "cpu") if name in places
    ]
    return BoxCgroup(tuple(directories), v2=False)


def _set_limits(group: BoxCgroup, limits: Limits) -> None:
    memory = str(limits.memory_mb * 2**20)
    quota = int(limits.cpus * _PERIOD_US)
    if group.v2:
        files = {
            "memory.max": memory,
            "memory.oom.group": "1",
            "pids.max": str(limits.pids),
            "cpu.max": f"{quota} {_PERIOD_US}",
        }
        for name, value in files.items():
            (group.directories[0] / name).write_text(value)
        with suppress(OSError):  # no swap accounting
            (group.directories[0] / "memory.swap.max").write_text("0")
        return
    memory_dir, pids_dir, cpu_dir = group.directories
    (memory_dir / "memory.limit_in_bytes").write_text(memory)
    with suppress(OSError):  # no swap accounting
        (memory_dir / "memory.memsw.limit_in_bytes").write_text(memory)
    (pids_dir / "pids.max").write_text(str(limits.pids))
    (cpu_dir / "cpu.cfs_period_us").write_text(str(_PERIOD_US))
    (cpu_dir / "cpu.cfs_quota_us").write_text(str(quota))


@cache
def _bases() -> tuple[tuple[Path, ...], bool] | None:
    """Where boxes' cgroups are made, and whether that is version 2; None: nowhere."""
    try:
        if (_ROOT / "cgroup.controllers").exists():
            return _v2_bases()
        return _v1_bases()
    except OSError:
        return None


def _v1_bases() -> tuple[tuple[Path, ...], bool] | None:
    own = {}
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            own[controller] = path.lstrip("/")
    bases = []
    for controller in ("memory", "pids", "cpu"):
        if controller not in own:
            return None
        base = _ROOT / controller / own[controller]
        if not base.is_dir():  # a container that does not see its own place in the tree
            base = _ROOT / controller
        bases.append(base)
    return (tuple(bases), False) if all(os.access(base, os.W_OK) for base in bases) else None


def _v2_bases() -> tuple[tuple[Path, ...], bool] | None:
    base = _ROOT / "djinnbot"
    _hand_down(_ROOT)  # first: refused, nothing is left behind
    base.mkdir(exist_ok=True)
    _hand_down(base)
    return (base,), True


def _hand_down(directory: Path) -> None:
    (directory / "cgroup.subtree_control").write_text("+memory +pids +cpu")
