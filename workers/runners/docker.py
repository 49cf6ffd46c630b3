"""Boxes as Docker containers."""

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, ClassVar

import docker
import requests
import structlog
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from docker.models.containers import Container
from docker.models.images import Image
from docker.types import Mount as DockerMount
from docker.types import Ulimit

from workers.protocol.fingerprint import LABEL, runtime_fingerprint
from workers.runners.base import (
    APP,
    LABEL_APP,
    LABEL_SESSION,
    LOG_TAIL_LINES,
    NAME_PREFIX,
    BackendName,
    Box,
    BoxSpec,
    BoxStartFailed,
    BoxState,
    BoxStats,
    LimitName,
    Mount,
    Network,
    RunnerUnavailable,
)
from workers.runners.cgroups import cgroup_of_process
from workers.runners.disk import disk_watch
from workers.runners.mounts import mounting_unavailable
from workers.runners.places import make_mount_points
from workers.runners.pool import LABEL_WARM, NAME_WAITING, Slot, WarmPool

log = structlog.get_logger(__name__)

_TIMEOUT_S = 20  # below a lease: a daemon that hangs fails the step, not the worker
_PROBE_TIMEOUT_S = 3
_PULL_TIMEOUT_S = 600  # without a sign of life of the daemon
_RUNTIME = ("/opt/djinnbot/venv/bin/python", "-m", "workers.runtime")
_RUNNING = frozenset({"running", "restarting", "paused"})
_START_ERRORS = frozenset({126, 127})
_KILLED = 137
_HARNESS_LABEL = "djinnbot.harness"  # written by compose/agent/build.sh
_CREATION_S = 60
_FORGOTTEN_AFTER = timedelta(hours=1)
# Labels that differ from session to session.
_OF_SESSIONS = frozenset({LABEL_SESSION, "exec", "attempt", "agent"})


class DockerRunner:
    name: ClassVar[BackendName] = "docker"
    isolated: ClassVar[bool] = True

    def __init__(self, image: str = "") -> None:
        self._image = image
        self._last_hits: dict[str, Mapping[LimitName, int]] = {}
        self._pool: WarmPool | None = None
        # What was warm stays attached until its box is removed: nothing reads, or misses, its end.
        self._given: dict[str, tuple[Slot, BoxSpec]] = {}

    def unavailable(self) -> str:
        try:
            probe = docker.from_env(timeout=_PROBE_TIMEOUT_S)
            probe.ping()
            if self._image and not _is_current(probe.images.get(self._image)):
                return (
                    f"The image {self._image} holds another version of the agent runtime; "
                    "make it anew with compose/agent/build.sh."
                )
        except ImageNotFound:
            return f"The image {self._image} does not exist; make it with compose/agent/build.sh."
        except (DockerException, requests.RequestException, OSError):
            return "No Docker daemon answers."
        return ""

    def seen(self, mount: Mount) -> str:
        return mount.target

    def harnesses(self, image: str) -> frozenset[str]:
        with _errors("look at the image"):
            labels = self._client.images.get(image).labels
        return frozenset(labels.get(_HARNESS_LABEL, "").split())

    def tmp(self, name: str) -> str:
        return "/tmp"  # noqa: S108  the box's own

    def warm(self, like: BoxSpec, count: int) -> None:
        """Keep `count` containers waiting, where this process may mount into them."""
        with _errors("connect to Docker"):
            self._client.ping()
        for left in self.list(like.labels):
            if left.name.startswith(NAME_WAITING):  # listed: it has ended, with an earlier worker
                self.remove(left)
        reason = mounting_unavailable() if count else "WARM_BOXES is 0."
        if reason:
            log.info("no containers are kept warm", reason=reason)
            return
        self._pool = WarmPool(self._client, like, count, self._make_waiting)

    def waiting(self) -> int:
        """How many containers wait for a session now."""
        return self._pool.count() if self._pool is not None else 0

    def cool(self) -> None:
        if self._pool is not None:
            self._pool.close()
            self._pool = None

    def sweep(self) -> int:
        """Containers of any install that waited and have ended, or were never started: they cannot
        become boxes. Each install's reaper takes its own within a minute, so after an hour there
        is no such reaper."""
        labels = [f"{LABEL_APP}={APP}", LABEL_WARM]
        with _errors("list containers"):
            found = self._client.api.containers(
                all=True, filters={"label": labels, "status": ["exited", "created", "dead"]}
            )
        waited = [box for box in map(_listed, found) if box.name.startswith(NAME_WAITING)]
        gone = [box for box in waited if self._is_forgotten(box)]
        for box in gone:
            self.remove(box)
        return len(gone)

    def _is_forgotten(self, box: Box) -> bool:
        with _errors("look at the container"):
            try:
                found = self._client.api.inspect_container(box.external_id)
            except NotFound:
                return False
        # One that never ran has ended at the beginning of time.
        since = max(found["State"]["FinishedAt"][:19], found["Created"][:19])
        age = datetime.now(UTC) - datetime.fromisoformat(since).replace(tzinfo=UTC)
        return age > _FORGOTTEN_AFTER

    def create(self, spec: BoxSpec) -> Box:
        with _errors("make the container"):
            make_mount_points(spec.mounts, uid=spec.uid, gid=spec.gid)
            slot = self._pool.take(spec) if self._pool is not None else None
            if slot is not None:
                self._given[spec.name] = (slot, spec)
            container = slot.id if slot is not None else self._make(spec)
        disk_watch.add(spec)
        return Box(
            backend=self.name,
            name=spec.name,
            external_id=container,
            labels=dict(spec.labels),
        )

    def _make(self, spec: BoxSpec, **more: object) -> str:
        stale = self._find(spec.name)
        if stale is not None:
            stale.remove(force=True, v=True)
        container = self._client.containers.create(
            spec.image or self._image,
            list(spec.command or _RUNTIME),
            name=spec.name,
            **{**_options(spec), **more},
        )
        return str(container.id)

    def _make_waiting(self, spec: BoxSpec) -> str:
        return self._make(spec, stdin_open=True)

    def start(self, box: Box) -> None:
        slot, spec = self._given.get(box.name, (None, None))
        if slot is not None and spec is not None and self._pool is not None:
            self._pool.give(slot, spec)
            return
        with _errors("start the container"):
            self._client.api.start(box.external_id)

    def wait_ready(self, box: Box, timeout_s: float) -> None:
        """A container that `start` did not refuse runs; what is left to see is an early end."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            state = self.state(box)
            if state.running:
                return
            if state.exit_code is not None:
                raise BoxStartFailed(
                    "The container ended while it started.",
                    log=self.logs(box, tail=20),
                    exit_code=state.exit_code,
                    retryable=True,
                )
            time.sleep(0.05)
        raise BoxStartFailed("The container did not start in time.", retryable=True)

    def state(self, box: Box) -> BoxState:
        with _errors("look at the container"):
            try:
                found: dict[str, Any] = self._client.api.inspect_container(box.external_id)["State"]
            except NotFound:
                return BoxState(running=False)
        if found["Status"] in _RUNNING:
            hits = self._hits(box, found["Pid"])
            over = disk_watch.over(box.name)
            if not over:
                return BoxState(running=True, hits=hits)
            self._kill(box)
            return BoxState(
                running=False, exit_code=_KILLED, over_disk=over, hits={**hits, over: 1}
            )
        if found["Status"] == "created":
            return BoxState(running=False)
        over = disk_watch.over(box.name)
        return BoxState(
            running=False,
            exit_code=found["ExitCode"],
            # Docker also says so when a process was killed without which the box went on.
            oom_killed=found["OOMKilled"] and found["ExitCode"] == _KILLED,
            start_failed=found["ExitCode"] in _START_ERRORS,
            over_disk=over,
            hits={**self._last_hits.get(box.name, {}), **({over: 1} if over else {})},
        )

    def _hits(self, box: Box, pid: int) -> Mapping[LimitName, int]:
        """By the container's cgroup; empty where the daemon is not of this host."""
        group = cgroup_of_process(pid)
        found = group.hits() if group is not None else {}
        self._last_hits[box.name] = found
        return found

    def _kill(self, box: Box) -> None:
        with _errors("kill the container"):
            try:
                self._client.api.kill(box.external_id)
            except NotFound:
                return
            except APIError as exc:
                if exc.status_code != 409:  # it has ended by itself
                    raise

    def stop(self, box: Box, *, grace_s: float = 10) -> None:
        with _errors("stop the container"):
            try:
                self._client.api.stop(box.external_id, timeout=max(0, round(grace_s)))
            except NotFound:
                return

    def remove(self, box: Box) -> None:
        disk_watch.forget(box.name)
        self._last_hits.pop(box.name, None)
        slot, _ = self._given.pop(box.name, (None, None))
        if slot is not None:
            slot.close_input()
        with _errors("remove the container"):
            try:
                self._client.api.remove_container(box.external_id, force=True, v=True)
            except NotFound:
                return
            except APIError as exc:
                if exc.status_code != 409:  # somebody else is removing it already
                    raise

    def adopt(self, box: Box, spec: BoxSpec) -> None:
        disk_watch.add(spec)

    def list(self, labels: Mapping[str, str]) -> list[Box]:
        asked = [f"{key}={value}" for key, value in labels.items() if key not in _OF_SESSIONS]
        with _errors("list containers"):
            found = self._client.api.containers(all=True, filters={"label": asked})
        boxes = [_listed(entry) for entry in found if not _is_waiting(entry)]
        return [box for box in boxes if labels.items() <= box.labels.items()]

    def stats(self, box: Box) -> BoxStats:
        with _errors("measure the container"):
            found = self._client.api.stats(box.external_id, stream=False, one_shot=True)
        return BoxStats(
            memory_bytes=found.get("memory_stats", {}).get("usage", 0),
            processes=found.get("pids_stats", {}).get("current", 0),
        )

    def logs(self, box: Box, *, tail: int = LOG_TAIL_LINES) -> str:
        try:
            text: bytes = self._client.api.logs(box.external_id, tail=tail)
        except (DockerException, requests.RequestException):
            return ""
        return text.decode(errors="replace")

    @cached_property
    def _client(self) -> "docker.DockerClient":
        return docker.from_env(timeout=_TIMEOUT_S, max_pool_size=32)

    def _find(self, name: str) -> Container | None:
        try:
            return self._client.containers.get(name)
        except NotFound:
            return None


def image_fetch(image: str) -> None:
    """Pull an image that this host lacks and whose name tells of a registry. No daemon: nothing.

    Raises RunnerError when the registry does not give it.
    """
    if "/" not in image:
        return  # made here
    try:
        client = docker.from_env(timeout=_PULL_TIMEOUT_S)
    except DockerException:
        return
    with closing(client), _errors(f"pull {image}"):
        try:
            client.images.get(image)
        except ImageNotFound:
            log.info("pulling the agent image", image=image)
            client.images.pull(image)
            log.info("the agent image is here", image=image)


def _listed(entry: Mapping[str, Any]) -> Box:
    """Labels stay as they were when a container was made, so what was warm tells its session by
    its name."""
    name, labels = entry["Names"][0].lstrip("/"), dict(entry["Labels"] or {})
    if LABEL_WARM in labels and not name.startswith(NAME_WAITING):
        labels[LABEL_SESSION] = name.removeprefix(NAME_PREFIX)
    return Box(backend="docker", name=name, external_id=entry["Id"], labels=labels)


def _is_waiting(entry: Mapping[str, Any]) -> bool:
    """In a pool: not a box yet, and not to be removed while its worker lives."""
    if not entry["Names"][0].lstrip("/").startswith(NAME_WAITING):
        return False
    is_new = entry["State"] == "created" and time.time() - entry["Created"] < _CREATION_S
    return bool(entry["State"] == "running" or is_new)


def _is_current(image: Image) -> bool:
    """Built from the very runtime that this worker speaks to. Derived images keep the label."""
    return bool(image.labels.get(LABEL) == runtime_fingerprint())


def _options(spec: BoxSpec) -> dict[str, Any]:
    limits = spec.limits
    memory = limits.memory_mb * 2**20
    return {
        "environment": {"HOME": "/home/agent", **spec.env},
        "working_dir": spec.workdir,
        "labels": dict(spec.labels),
        "user": f"{spec.uid}:{spec.gid}",
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
        "read_only": True,
        "tmpfs": {"/tmp": f"rw,nosuid,nodev,exec,mode=1777,size={limits.tmp_mb}m"},  # noqa: S108
        "mounts": [
            DockerMount(
                target=mount.target,
                source=os.fspath(mount.source),
                type="bind",
                read_only=mount.read_only,
            )
            for mount in sorted(spec.mounts, key=lambda mount: len(mount.target.split("/")))
        ],
        "mem_limit": memory,
        "memswap_limit": memory,
        "nano_cpus": int(limits.cpus * 10**9),
        "pids_limit": limits.pids,
        "shm_size": limits.shm_mb * 2**20,
        "ulimits": [_ulimit("fsize", limits.disk_mb * 2**20), _ulimit("core", 0)],
        "network_mode": spec.network.value if spec.network is Network.HOST else "none",
        "init": True,
        "log_config": {"type": "json-file", "config": {"max-size": "10m", "max-file": "1"}},
        "stop_signal": "SIGTERM",
    }


def _ulimit(name: str, value: int) -> Ulimit:
    return Ulimit(name=name, soft=value, hard=value)


@contextmanager
def _errors(what: str) -> Iterator[None]:
    """Docker's errors become ours."""
    try:
        yield
    except ImageNotFound as exc:
        raise BoxStartFailed(
            "The agent image does not exist; make it with compose/agent/build.sh.", retryable=False
        ) from exc
    except APIError as exc:
        raise BoxStartFailed(
            f"Docker could not {what}: {exc.explanation}", retryable=exc.is_server_error()
        ) from exc
    except (DockerException, requests.RequestException, OSError) as exc:
        raise RunnerUnavailable(
            f"Docker did not {what}: {type(exc).__name__}. Is the daemon running?", retryable=True
        ) from exc
