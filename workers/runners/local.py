"""What bubblewrap and bare processes share: a directory per box, a keeper process, a watch.

The record in the box's directory (backend, labels, the keeper's pid and when it began) lets any
process of this host find, inspect and end a box whose worker is gone. Such a box cannot be
adopted: its keeper dies with the worker's launcher.
"""

import json
import os
import shutil
import signal
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from workers.protocol.launch import BOX_VARIABLE, EXIT_START_FAILED, Launch
from workers.runners.base import (
    LOG_LIMIT_BYTES,
    LOG_TAIL_LINES,
    BackendName,
    Box,
    BoxSpec,
    BoxStartFailed,
    BoxState,
    BoxStats,
    DiskLimit,
    LimitName,
)
from workers.runners.cgroups import BoxCgroup, cgroup_create, cgroup_of
from workers.runners.disk import disk_watch
from workers.runners.launcher import LauncherProcess, shared_launcher
from workers.runners.processes import (
    ProcessTable,
    is_alive,
    marked,
    start_time,
)

_RECORD = "box.json"
_KILL_WAIT_S = 5.0
_EXIT_WAIT_S = 1.0
_KILLED = frozenset({128 + signal.SIGKILL, None})


@dataclass(frozen=True, slots=True)
class _Record:
    """What stands in `box.json`. `pid` 0: not started."""

    backend: str
    labels: dict[str, str]
    memory_mb: int
    pids: int
    pid: int = 0
    started: str = ""
    oom_killed: bool = False
    pids_exceeded: bool = False
    over_disk: DiskLimit = ""


class LocalRunner:
    """Subclasses say how a spec becomes a launch request."""

    name: ClassVar[BackendName]
    isolated: ClassVar[bool]

    def __init__(self, boxes_dir: Path, launcher: LauncherProcess | None = None) -> None:
        self._boxes_dir = boxes_dir
        self._launcher = launcher or shared_launcher
        self._table = ProcessTable()
        self._specs: dict[str, BoxSpec] = {}
        self._tickets: dict[str, str] = {}

    def warm(self, like: BoxSpec, count: int) -> None:
        """Have the launcher ready before the first box is wanted; its forks need no pool."""
        self._launcher.warm()

    def cool(self) -> None:
        self._launcher.close()

    def harnesses(self, image: str) -> frozenset[str]:
        """None: programs of others lie in a directory of the host, which is mounted."""
        return frozenset()

    def sweep(self) -> int:
        """Boxes lie in a directory of their install, and go with it."""
        return 0

    def create(self, spec: BoxSpec) -> Box:
        box = Box(
            backend=self.name, name=spec.name, external_id=spec.name, labels=dict(spec.labels)
        )
        self.remove(box)
        try:
            directory = self._directory(spec.name)
            directory.mkdir(parents=True, mode=0o700)
            (directory / "log").touch(mode=0o600)
            self._prepare(spec, directory)
        except OSError as exc:
            raise BoxStartFailed(
                f"The box's directory could not be made: {exc.strerror}.", retryable=True
            ) from exc
        self._write(spec.name, self._record_of(spec))
        self._specs[spec.name] = spec
        return box

    def start(self, box: Box) -> None:
        spec = self._specs[box.name]
        directory = self._directory(box.name)
        group = cgroup_create(box.name, spec.limits)
        request = self._request(spec, directory, group)
        env = {**self._environment(spec), **spec.env, BOX_VARIABLE: box.name}
        ticket, pid = self._launcher.launch(request, env=env, log=directory / "log")
        self._tickets[box.name] = ticket
        record = replace(self._record_of(spec), pid=pid, started=start_time(pid))
        self._write(box.name, record)
        disk_watch.add(spec)

    def wait_ready(self, box: Box, timeout_s: float) -> None:
        """The launcher has answered with a pid, so what is left to see is an early end."""
        state = self.state(box)
        if not state.running:
            raise BoxStartFailed(
                "The box ended while it started.", log=self.logs(box, tail=20), retryable=True
            )

    def state(self, box: Box) -> BoxState:
        record = self._read(box.name)
        if record is None:
            return BoxState(running=False)
        self._trim_log(box.name)
        group = cgroup_of(box.name)
        hits = group.hits() if group is not None else {}
        if record.pid and is_alive(record.pid, record.started):
            over = self._over_limit(box.name, record)
            if over == record:
                return BoxState(running=True, hits=hits)
            record = over
            self._write(box.name, record)
            self._kill(box.name, record)
        return self._end(box, record, hits)

    def _end(self, box: Box, record: _Record, hits: dict[LimitName, int]) -> BoxState:
        code = self._launcher.exit_code(self._tickets.get(box.name, ""), wait_s=_EXIT_WAIT_S)
        own: dict[LimitName, int] = {
            "memory": int(record.oom_killed),
            "pids": int(record.pids_exceeded),
        }
        if record.over_disk:
            own[record.over_disk] = 1
        return BoxState(
            running=False,
            exit_code=code,
            # A limit that killed something else in the box, which then went on, is a hit only.
            oom_killed=record.oom_killed or ("memory" in hits and code in _KILLED),
            start_failed=code == EXIT_START_FAILED,
            over_disk=record.over_disk,
            hits={**{name: count for name, count in own.items() if count}, **hits},
        )

    def stop(self, box: Box, *, grace_s: float = 10) -> None:
        record = self._read(box.name)
        if record is None or not record.pid:
            return
        self._signal(record, signal.SIGTERM)
        self._wait_gone(record, grace_s)
        self._kill(box.name, record)

    def remove(self, box: Box) -> None:
        disk_watch.forget(box.name)
        record = self._read(box.name)
        if record is not None and record.pid:
            self._kill(box.name, record)
        elif record is not None:  # its start was not answered in time, and may come about yet
            _kill_all(set(marked(box.name)))
        group = cgroup_of(box.name)
        if group is not None:
            group.kill()
            group.remove()
        self._launcher.forget(self._tickets.pop(box.name, ""))
        self._specs.pop(box.name, None)
        shutil.rmtree(self._directory(box.name), ignore_errors=True)

    def adopt(self, box: Box, spec: BoxSpec) -> None:
        """Nothing: it has ended with its worker, and what it left is removed."""

    def list(self, labels: Mapping[str, str]) -> list[Box]:
        if not self._boxes_dir.is_dir():
            return []
        boxes = []
        for entry in sorted(os.listdir(self._boxes_dir)):
            record = self._read(entry)
            if record is None or record.backend != self.name:
                continue
            if labels.items() <= record.labels.items():
                boxes.append(
                    Box(backend=self.name, name=entry, external_id=entry, labels=record.labels)
                )
        return boxes

    def stats(self, box: Box) -> BoxStats:
        record = self._read(box.name)
        found = self._table.descendants(record.pid) if record and record.pid else []
        return BoxStats(memory_bytes=sum(info.rss_bytes for info in found), processes=len(found))

    def logs(self, box: Box, *, tail: int = LOG_TAIL_LINES) -> str:
        try:
            with (self._directory(box.name) / "log").open("rb") as file:
                file.seek(0, os.SEEK_END)
                file.seek(max(0, file.tell() - 256 * 1024))
                lines = file.read().decode(errors="replace").splitlines()
        except OSError:
            return ""
        return "\n".join(lines[-tail:])

    # For subclasses

    def _prepare(self, spec: BoxSpec, directory: Path) -> None:
        """Put files that the box needs into its directory."""

    def _request(self, spec: BoxSpec, directory: Path, group: BoxCgroup | None) -> Launch:
        raise NotImplementedError

    def _environment(self, spec: BoxSpec) -> dict[str, str]:
        raise NotImplementedError

    # Files

    def _directory(self, name: str) -> Path:
        return self._boxes_dir / name

    def _record_of(self, spec: BoxSpec) -> _Record:
        return _Record(
            backend=self.name,
            labels=dict(spec.labels),
            memory_mb=spec.limits.memory_mb,
            pids=spec.limits.pids,
        )

    def _write(self, name: str, record: _Record) -> None:
        path = self._directory(name) / _RECORD
        partial = path.with_suffix(".new")
        partial.write_text(json.dumps(asdict(record)))
        partial.rename(path)

    def _read(self, name: str) -> _Record | None:
        try:
            data: dict[str, Any] = json.loads((self._directory(name) / _RECORD).read_text())
            return _Record(**data)
        except (OSError, ValueError, TypeError):
            return None

    def _trim_log(self, name: str) -> None:
        path = self._directory(name) / "log"
        with suppress(OSError):
            if path.stat().st_size > LOG_LIMIT_BYTES:
                os.truncate(path, 0)  # it is open for appending, so the next line starts anew

    # Processes

    def _over_limit(self, name: str, record: _Record) -> _Record:
        """The record, marked when a limit is passed. Memory and processes are for a cgroup to
        hold; where there is none, we look ourselves."""
        record = replace(record, over_disk=disk_watch.over(name))
        group = cgroup_of(name)
        if group is not None and group.directories[0].is_dir():
            return record
        stats = self.stats(Box(backend=self.name, name=name, external_id=name))
        return replace(
            record,
            oom_killed=stats.memory_bytes > record.memory_mb * 2**20,
            pids_exceeded=stats.processes > record.pids,
        )

    def _signal(self, record: _Record, number: signal.Signals) -> None:
        if is_alive(record.pid, record.started):
            with suppress(ProcessLookupError):
                os.kill(record.pid, number)

    def _kill(self, name: str, record: _Record) -> None:
        """Kill the keeper, with it the sandbox, and whatever of the box still runs elsewhere.

        A sandbox ends whole with its first process. But while bubblewrap makes it, its processes
        are not bound to each other yet: they are found by the keeper's group and by their mark.
        """
        below = [info.pid for info in self._table.descendants(record.pid)]
        if is_alive(record.pid, record.started):
            for kill in (os.killpg, os.kill):  # it leads its group a moment after its start
                with suppress(ProcessLookupError):
                    kill(record.pid, signal.SIGKILL)
        _kill_all({*below, *marked(name)} - {record.pid})
        self._wait_gone(record, _KILL_WAIT_S)
        deadline = time.monotonic() + _KILL_WAIT_S
        while (left := set(marked(name))) and time.monotonic() < deadline:
            _kill_all(left)  # one that was just being made; or killed, and not gone yet
            time.sleep(0.02)

    def _wait_gone(self, record: _Record, timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        while is_alive(record.pid, record.started) and time.monotonic() < deadline:
            time.sleep(0.02)


def _kill_all(pids: set[int]) -> None:
    for pid in pids - {os.getpid()}:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
