"""A box from its claim to the agent's first event and to its first tool result.

Each backend cold (nothing made ahead) and warm (Docker's pool, the launcher's fork), in turns with
the raw tools: `docker run --rm IMAGE true`, the SDK's own steps, `bwrap … true`, and the import of
the runtime by a new interpreter. A round does each way once.

Usage: python -m tests.benchmarks boxes
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import docker

from tests.benchmarks.harness import Samples, in_ms, percentile, report
from tests.support.boxes import image_ready
from tests.support.capabilities import missing
from tests.support.live import live_environment, own_home, own_redis
from tests.support.model_server import Answer, ModelServer, calls

if TYPE_CHECKING:
    from workers.engine.channel import SessionChannel
    from workers.runners.base import BoxSpec, Runner

ROUNDS = int(os.environ.get("DJINNBOT_BENCH_ROUNDS", "12"))
# A round loads the runtime six times. No new one begins after so long; `n` tells how many ran.
BUDGET_S = float(os.environ.get("DJINNBOT_BENCH_BUDGET_S", "90"))
READY_S = 120.0
IMPORT = "import workers.runtime.main, workers.runtime.engine as e; e.rehearse()"


@dataclass
class Bench:
    """Where boxes are made: an agent's home, Redis, and a model that asks for one tool."""

    home: Path
    image: str
    number: int = 0
    first: dict[str, Samples] = field(default_factory=dict)
    tool: dict[str, Samples] = field(default_factory=dict)
    raw: dict[str, Samples] = field(default_factory=dict)

    def box(self, way: str, runner: "Runner") -> None:
        """One session: claim, first event, first tool result; all of it is removed."""
        from workers.engine.channel import SessionChannel
        from workers.protocol.messages import AgentStep

        self.number += 1
        session = f"ses_bench{self.number}"
        channel = SessionChannel(session)
        model = ModelServer([_tool(), *[Answer(text="done")] * 5], unix_socket=self.home / "api")
        channel.open_account()
        channel.send(AgentStep(request_id="r1", prompt="x", model="scripted/x", deadline_s=60))
        spec = self._spec(session, runner, channel)
        began = time.perf_counter()
        box = runner.create(spec)
        try:
            runner.start(box)
            self._until(channel, runner, "ready")
            self.first.setdefault(way, []).append(time.perf_counter() - began)
            self._until(channel, runner, "toolEnd")
            self.tool.setdefault(way, []).append(time.perf_counter() - began)
        except AssertionError:
            sys.stderr.write(runner.logs(box))
            raise
        finally:
            runner.remove(box)
            channel.close()
            model.close()

    def _until(self, channel: "SessionChannel", runner: "Runner", kind: str) -> None:
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline:
            if any(envelope.message.type == kind for envelope in channel.read(block_ms=200)):
                return
        raise AssertionError(f"no {kind} of {runner.name} in {READY_S:g} s")

    def like(self) -> "BoxSpec":
        """What all boxes here have in common."""
        from apps.repos.services import box_user
        from workers.runners.base import APP, LABEL_APP, LABEL_INSTANCE, BoxSpec

        uid, gid = box_user()
        labels = {LABEL_APP: APP, LABEL_INSTANCE: "benchmark"}
        return BoxSpec(name="", image=self.image, labels=labels, uid=uid, gid=gid)

    def _spec(self, session: str, runner: "Runner", channel: "SessionChannel") -> "BoxSpec":
        from dataclasses import replace
        from urllib.parse import urlsplit

        from django.conf import settings

        from workers.runners.base import NAME_PREFIX, Mount

        home = Mount(source=self.home / "agent", target="/home/agent", read_only=False)
        redis_socket = Path(urlsplit(settings.REDIS_URL).path)
        redis = Mount(source=redis_socket.parent, target="/run/djinnbot/redis")
        api = Mount(source=self.home, target="/run/djinnbot/api")
        name = f"{NAME_PREFIX}{session}"
        return replace(
            self.like(),
            name=name,
            mounts=(home, redis, api),
            workdir=runner.seen(home),
            env={
                "SESSION_ID": session,
                "REDIS_URL": channel.box_url(f"{runner.seen(redis)}/{redis_socket.name}"),
                "DJINNBOT_API_URL": "http://platform",
                "DJINNBOT_API_SOCKET": f"{runner.seen(api)}/api",
                "DJINNBOT_SESSION_TOKEN": "dst_benchmark",
                "HOME": runner.seen(home),
                "TMPDIR": runner.tmp(name),
                "WORKSPACE_PATH": runner.seen(home),
                "AGENT_MODEL": "scripted/x",
            },
        )

    def command(self, way: str, *arguments: str) -> None:
        began = time.perf_counter()
        subprocess.run(arguments, check=True, capture_output=True)
        self.raw.setdefault(way, []).append(time.perf_counter() - began)


def _tool() -> Answer:
    return calls("bash", command="true")


def main() -> None:
    with own_home() as home, own_redis(home) as redis_url:
        # No row is read or written here, so there is no database.
        known = live_environment(home=home, database_url="postgres:///none", redis_url=redis_url)
        os.environ.update(
            known, LOG_LEVEL="WARNING", DJANGO_SETTINGS_MODULE="djinnbot.settings.local"
        )
        import django

        django.setup()
        with _place(home) as bench:
            ways = list(_ways(bench))
            ends = time.monotonic() + BUDGET_S
            for number in range(ROUNDS + 1):
                if number > 1 and time.monotonic() > ends:
                    break
                for way in ways:
                    way()
                if number == 0:  # it has warmed caches, and does not count
                    for taken in (bench.first, bench.tool, bench.raw):
                        taken.clear()
        _tell(bench)


@contextmanager
def _place(home: Path) -> Iterator[Bench]:
    agent = home / "agent"
    agent.mkdir()
    if os.geteuid() == 0:
        os.chown(agent, 1000, 1000)
    yield Bench(home=home, image="" if missing("docker") else image_ready())


def _ways(bench: Bench) -> Iterator[Callable[[], None]]:
    yield lambda: bench.command("import", sys.executable, "-c", IMPORT)
    if not missing("docker"):
        yield from _docker_ways(bench)
    if not missing("bubblewrap"):
        yield from _bubblewrap_ways(bench)
    yield from _local_ways(bench, "process")


def _docker_ways(bench: Bench) -> Iterator[Callable[[], None]]:
    from workers.runners.docker import DockerRunner

    docker_run = ("docker", "run", "--rm", "--network", "none", bench.image)
    python = "/opt/djinnbot/venv/bin/python"
    yield lambda: bench.command("docker run true", *docker_run, "true")
    yield lambda: bench.command("docker run import", *docker_run, python, "-c", IMPORT)
    yield lambda: _sdk(bench)
    cold, warm = DockerRunner(bench.image), DockerRunner(bench.image)
    yield lambda: bench.box("docker cold", cold)

    def warmed() -> None:
        # Made for this turn only: a container that gets ready beside it would be in the way.
        warm.warm(bench.like(), 1)
        deadline = time.monotonic() + READY_S
        while not warm.waiting():
            assert time.monotonic() < deadline, "no container came to wait"
            time.sleep(0.05)
        bench.box("docker warm", warm)
        warm.cool()

    yield warmed


def _sdk(bench: Bench) -> None:
    """What one must do at least: make, start, and see the first byte."""
    client = docker.from_env()
    began = time.perf_counter()
    container = client.api.create_container(
        bench.image, ["echo", "x"], host_config=client.api.create_host_config(network_mode="none")
    )["Id"]
    client.api.start(container)
    next(iter(client.api.logs(container, stream=True, follow=True)))
    bench.raw.setdefault("docker sdk first byte", []).append(time.perf_counter() - began)
    client.api.remove_container(container, force=True)
    client.close()


def _bubblewrap_ways(bench: Bench) -> Iterator[Callable[[], None]]:
    from workers.runners.bubblewrap import bwrap_program

    bwrap = (bwrap_program(), "--unshare-all", "--ro-bind", "/", "/", "--proc", "/proc")
    yield lambda: bench.command("bwrap true", *bwrap, "--dev", "/dev", "true")
    yield lambda: bench.command(
        "bwrap import", *bwrap, "--dev", "/dev", sys.executable, "-c", IMPORT
    )
    yield from _local_ways(bench, "bubblewrap")


def _local_ways(bench: Bench, name: str) -> Iterator[Callable[[], None]]:
    from workers.runners.bubblewrap import BubblewrapRunner
    from workers.runners.launcher import LauncherProcess
    from workers.runners.process import ProcessRunner

    made = BubblewrapRunner if name == "bubblewrap" else ProcessRunner
    launcher = LauncherProcess()
    runner = made(bench.home / "boxes", launcher)

    def cold() -> None:
        launcher.close()
        bench.box(f"{name} cold", runner)

    yield cold
    yield lambda: bench.box(f"{name} warm", runner)


def _tell(bench: Bench) -> None:
    for way, samples in bench.raw.items():
        report("boxes", way, **in_ms(samples))
    for way, samples in bench.first.items():
        report("boxes", f"{way}: first event", **in_ms(samples), **_against_raw(bench, way))
        report("boxes", f"{way}: first tool result", **in_ms(bench.tool[way]))


def _against_raw(bench: Bench, way: str) -> dict[str, object]:
    """The cold ways beside the raw tool doing the same import; a raw tool that only says `true`
    is there too, for the share of the box itself."""
    backend, _, kind = way.partition(" ")
    raw = {"docker": ("docker run import", "docker sdk first byte"), "bubblewrap": ("bwrap import",
        "bwrap true"), "process": ("import", "import")}[backend]  # fmt: skip
    medians = {name: percentile(bench.raw[name], 0.5) for name in raw}
    ours = percentile(bench.first[way], 0.5)
    if kind == "warm":
        return {"goal": "p95 <= 100 ms", "met": percentile(bench.first[way], 0.95) <= 0.1}
    ratios = {name: round(ours / median, 3) for name, median in medians.items()}
    return {"ratio_to": ratios, **_cold_goal(bench, backend, ours)}


def _cold_goal(bench: Bench, backend: str, ours: float) -> dict[str, object]:
    """A cold box takes little more than the raw tool and the import."""
    share, raw = {"docker": (1.15, "docker sdk first byte"), "bubblewrap": (2, "bwrap true")}.get(
        backend, (0, "")
    )
    if not raw:
        return {}
    goal = share * percentile(bench.raw[raw], 0.5) + percentile(bench.raw["import"], 0.5)
    return {
        "goal": f"p50 <= {share} x {raw} + import = {goal * 1000:.0f} ms",
        "met": ours <= goal,
    }


if __name__ == "__main__":
    main()
