"""Python programs from one warm interpreter: `python -m tests.support.nursery FD`.

Each process of a platform imports Django, Celery and some hundred other packages: more than a
second of a core, some hundred times in a run of the tests. A fork of this process has them already
(it has read no settings), and then runs its module as `python -m` does. For each request on the
socket, a `seqpacket`, there is one answer:

    {"argv": ["celery", …], "environment": {…}}, and descriptors for output and errors: {"pid": …}
    {"reap": pid}, of a process that has ended: {"status": …}
"""

import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from djinnbot.embedded.process import stop_with_parent

PACKET_BYTES = 200_000
_START_S = 90
# Packages of others that need no settings; of each the part that draws in most.
_WARM = """
allauth.utils celery.app.backends celery.apps.beat celery.apps.worker celery.backends.redis
celery.bin.celery celery.concurrency.prefork celery.concurrency.thread celery.fixups.django
celery.worker.consumer celery.worker.strategy channels.generic.websocket channels_redis.core
cron_descriptor crontab cryptography.fernet cryptography.hazmat.primitives.serialization
cryptography.x509 django.contrib.admin.options django.contrib.postgres.fields
django.contrib.postgres.search django.core.management.commands.migrate
django.core.serializers.json django.db.backends.postgresql.base django.db.models django.forms
django.http django.template.backends.django django.test.signals django.urls django.views.generic
django_filters.rest_framework dns.asyncresolver docker fido2.server h11 httpcore2 httpx2 jsonschema
jwt kombu.transport.redis opentelemetry.sdk.trace orjson prometheus_client psycopg_pool pydantic
pyotp redis.asyncio requests rest_framework.compat rich.console rich.pretty rich.traceback
ruamel.yaml structlog twisted.internet.protocol ulid uritemplate yaml
""".split()


class Child:
    """What `subprocess.Popen` is to a process that this one started."""

    def __init__(self, nursery: "Nursery", pid: int) -> None:
        self.pid = pid
        self._nursery = nursery
        self._descriptor = os.pidfd_open(pid)
        self._status: int | None = None

    def poll(self) -> int | None:
        return self._ended(0)

    def wait(self, timeout_s: float) -> int:
        status = self._ended(timeout_s)
        if status is None:
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout_s)
        return status

    def _ended(self, timeout_s: float) -> int | None:
        if self._status is None and select.select([self._descriptor], [], [], timeout_s)[0]:
            self._status = int(self._nursery.ask({"reap": self.pid})["status"])
            os.close(self._descriptor)
        return self._status


class Nursery:
    """The end of the socket that asks. The other one is started with the first request."""

    def __init__(self) -> None:
        self._one_at_a_time = threading.Lock()

    def bear(
        self, argv: Sequence[str], environment: Mapping[str, str], out: int, err: int
    ) -> Child:
        """Start the module argv[0], in a session of its own; it ends with this process."""
        request = {"argv": list(argv), "environment": dict(environment)}
        return Child(self, self.ask(request, out, err)["pid"])

    def ask(self, request: Mapping[str, Any], *descriptors: int) -> dict[str, Any]:
        with self._one_at_a_time:
            socket.send_fds(self._socket, [json.dumps(request).encode()], descriptors)
            answer: dict[str, Any] = json.loads(self._socket.recv(PACKET_BYTES))
        return answer

    @cached_property
    def _socket(self) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.settimeout(_START_S)
        with theirs:
            descriptor = theirs.fileno()
            subprocess.Popen(  # it ends when our end of the socket is closed
                [sys.executable, "-m", "tests.support.nursery", str(descriptor)],
                cwd=Path(__file__).parents[2],
                stdin=subprocess.DEVNULL,
                pass_fds=[descriptor],
                start_new_session=True,
            )
        return ours


def main(descriptor: int) -> None:
    stop_with_parent(signal.SIGKILL)
    asked = socket.socket(fileno=descriptor)
    for name in _WARM:
        importlib.import_module(name)
    assert len(os.listdir("/proc/self/task")) == 1, "a fork would lose threads"
    gc.collect()
    gc.freeze()
    born = _serve(asked)
    if born is not None:
        runpy.run_module(born, run_name="__main__", alter_sys=True)


def _serve(asked: socket.socket) -> str | None:
    """Answer until nobody asks any more. In a child: the module to run."""
    while True:
        packet, descriptors, _, _ = socket.recv_fds(asked, PACKET_BYTES, 2)
        if not packet:
            return None
        request = json.loads(packet)
        if "reap" in request:
            _, status = os.waitpid(request["reap"], 0)
            answer = {"status": os.waitstatus_to_exitcode(status)}
        else:
            pid = os.fork()
            if pid == 0:
                asked.close()
                return _settle(request, *descriptors)
            for descriptor in descriptors:
                os.close(descriptor)
            answer = {"pid": pid}
        asked.send(json.dumps(answer).encode())


def _settle(request: Mapping[str, Any], out: int, err: int) -> str:
    """Be as if started for this alone."""
    os.setsid()
    stop_with_parent(signal.SIGKILL)
    os.dup2(out, 1)
    os.dup2(err, 2)
    os.closerange(3, 1024)
    os.environ.clear()
    os.environ.update(request["environment"])
    module, *arguments = request["argv"]
    sys.argv = [module, *arguments]  # the first is put right when the module runs
    return str(module)


if __name__ == "__main__":
    main(int(sys.argv[1]))
