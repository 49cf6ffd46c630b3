"""Containers that wait, with the agent runtime loaded, for the session that will be theirs.

A waiting container holds nothing of anybody: no mount, no token, no name. It is handed to one
session, gets that session's mounts and environment, and is removed with it; none is ever used
twice. Its standard input ties it to this worker: when the worker ends, however that happens, the
container reads the end of it and ends too, and the reaper takes what is left.
"""

import atexit
import json
import os
import select
import socket
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import requests
import structlog
from docker import DockerClient
from docker.errors import APIError, DockerException

from workers.runners.base import NAME_PREFIX, BoxSpec, BoxStartFailed
from workers.runners.mounts import mount_into

log = structlog.get_logger(__name__)

LABEL_WARM = "warm"
NAME_WAITING = f"{NAME_PREFIX}warm-"
# Said by `workers.runtime.waiting`, which runs in the container.
_WAITING = b"the runtime waits for a session"
_COMMAND = ("/opt/djinnbot/venv/bin/python", "-m", "workers.runtime.waiting")
_READY_TIMEOUT_S = 60
_LOOK_S = 0.1
_PAUSES_S = (5.0, 60.0)
_CALM_S = 1.0  # the session that has just taken a container starts on the same processors
_DRAIN_S = 10.0

Failures = (DockerException, requests.RequestException, OSError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One container that waits. Its first process and mount namespace are held by descriptors,
    so a pid that has come to mean another process cannot be mistaken for it."""

    id: str
    input: Any  # docker's file around the socket to its standard input
    process: int
    namespace: int

    def is_alive(self) -> bool:
        ended, _, _ = select.select([self.process], [], [], 0)
        return not ended

    def send(self, line: bytes) -> None:
        connection: socket.socket = self.input._sock
        connection.sendall(line)

    def let_go(self) -> None:
        """Hold it no longer. A namespace that is held keeps the container's files in use."""
        os.close(self.process)
        os.close(self.namespace)

    def close_input(self) -> None:
        with suppress(OSError):
            self.input.close()


class WarmPool:
    """Keeps `size` containers made after `like`. Safe to use from any thread.

    `make` creates a container from a spec and gives its id; it may raise what Docker raises.
    """

    def __init__(
        self, client: DockerClient, like: BoxSpec, size: int, make: Callable[[BoxSpec], str]
    ) -> None:
        self._client = client
        labels = {**like.labels, LABEL_WARM: "1"}
        self._like = replace(like, command=_COMMAND, workdir="/", labels=labels)
        self._size = size
        self._make = make
        self._waiting: deque[Slot] = deque()
        self._changed = threading.Condition()
        self._is_closed = False
        self._calm_until = 0.0
        self._thread = threading.Thread(target=self._keep_full, name="warm-boxes", daemon=True)
        self._thread.start()
        atexit.register(self.close)

    def count(self) -> int:
        return len(self._waiting)

    def take(self, spec: BoxSpec) -> Slot | None:
        """A container for this spec, which has its name from now on. None: make one."""
        if not self._fits(spec):
            return None
        while True:
            with self._changed:
                if not self._waiting:
                    return None
                slot = self._waiting.popleft()
                self._calm_until = time.monotonic() + _CALM_S
                self._changed.notify_all()
            try:
                if slot.is_alive():
                    self._client.api.rename(slot.id, spec.name)
                    return slot
            except Failures as exc:
                log.warning("a warm container could not be taken", error=type(exc).__name__)
            self._discard(slot)

    def give(self, slot: Slot, spec: BoxSpec) -> None:
        """Let the container be the box of `spec`. Raises BoxStartFailed; then it is of no use."""
        request = {
            "env": {"HOME": "/home/agent", **spec.env},
            "workdir": spec.workdir,
            "command": list(spec.command),
        }
        try:
            mount_into(slot.namespace, spec.mounts)
            slot.send(json.dumps(request).encode() + b"\n")
        except OSError as exc:
            raise BoxStartFailed(
                f"A warm container could not be made ready: {exc.strerror}.", retryable=True
            ) from exc
        finally:
            slot.let_go()

    def close(self) -> None:
        """Remove what waits, and make no more."""
        with self._changed:
            self._is_closed = True
            slots = list(self._waiting)
            self._waiting.clear()
            self._changed.notify_all()
        for slot in slots:
            self._discard(slot)
        if self._thread is not threading.current_thread():
            self._thread.join(_DRAIN_S)
        atexit.unregister(self.close)

    def _fits(self, spec: BoxSpec) -> bool:
        like = self._like
        return (like.image, like.limits, like.network, like.uid, like.gid) == (
            spec.image,
            spec.limits,
            spec.network,
            spec.uid,
            spec.gid,
        )

    def _keep_full(self) -> None:
        pause_s = _PAUSES_S[0]
        while self._wait_for_need():
            try:
                self._add()
                pause_s = _PAUSES_S[0]
            except (*Failures, BoxStartFailed) as exc:
                if not self._is_closed:
                    log.warning("no warm container could be made", error=str(exc))
                with self._changed:
                    self._changed.wait_for(lambda: self._is_closed, pause_s)
                pause_s = min(2 * pause_s, _PAUSES_S[1])

    def _wait_for_need(self) -> bool:
        """False: the pool is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_closed or len(self._waiting) < self._size)
            while not self._is_closed and (left := self._calm_until - time.monotonic()) > 0:
                self._changed.wait(left)
            return not self._is_closed

    def _add(self) -> None:
        name = f"{NAME_WAITING}{uuid.uuid4().hex[:12]}"
        container = self._make(replace(self._like, name=name))
        try:
            slot = self._started(container)
        except BaseException:
            self._remove(container)
            raise
        with self._changed:
            if not self._is_closed:
                self._waiting.append(slot)
                return
        self._discard(slot)

    def _started(self, container: str) -> Slot:
        api = self._client.api
        # Before the start: a container that nobody is attached to would read an end at once.
        attached = api.attach_socket(container, params={"stdin": 1, "stream": 1})
        api.start(container)
        deadline = time.monotonic() + _READY_TIMEOUT_S
        while _WAITING not in api.logs(container, tail=5):
            state = api.inspect_container(container)["State"]
            if not state["Running"] or time.monotonic() > deadline or self._is_closed:
                told = api.logs(container, tail=3).decode(errors="replace").strip()
                raise BoxStartFailed(f"It did not come to wait: {told}")
            time.sleep(_LOOK_S)
        return _held(container, attached, api.inspect_container(container)["State"]["Pid"])

    def _discard(self, slot: Slot) -> None:
        slot.let_go()
        slot.close_input()
        self._remove(slot.id)

    def _remove(self, container: str) -> None:
        try:
            self._client.api.remove_container(container, force=True, v=True)
        except APIError as exc:
            if exc.status_code not in {404, 409}:
                log.warning("a warm container is left to the reaper", error=exc.explanation)
        except Failures as exc:
            log.warning("a warm container is left to the reaper", error=type(exc).__name__)


def _held(container: str, attached: Any, pid: int) -> Slot:
    if not _is_first_of_its_namespace(pid):
        raise BoxStartFailed("This worker does not see the processes of the Docker host.")
    process = os.pidfd_open(pid)
    try:
        namespace = os.open(f"/proc/{pid}/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
    except PermissionError as exc:
        os.close(process)
        raise BoxStartFailed("This worker may not look into containers (SYS_PTRACE).") from exc
    except OSError:
        os.close(process)
        raise
    slot = Slot(id=container, input=attached, process=process, namespace=namespace)
    if not slot.is_alive():  # what was opened may belong to a later process of the same number
        slot.let_go()
        raise BoxStartFailed("It ended while it waited.")
    return slot


def _is_first_of_its_namespace(pid: int) -> bool:
    """A container's first process is. A worker that has process ids of its own sees another one
    by that number, or none, and must not mount into it."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    numbers = next((line.split()[1:] for line in status.splitlines() if line[:6] == "NSpid:"), [])
    return len(numbers) > 1 and numbers[-1] == "1"
