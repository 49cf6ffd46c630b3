"""A whole server by `compose/production`, for those who ask for it: images are built, processes
started behind TLS, and an agent works in a container that was kept warm.

PostgreSQL, Valkey and Caddy come out of wheels (`compose_servers/`), so no registry is needed.
"""

import hashlib
import json
import os
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from djinnbot.cli.platform.config import SOURCE_ROOT
from tests.support.boxes import image_ready
from tests.support.compose import compose, env_file_write
from tests.support.live import eventually, own_home
from workers.runners.pool import NAME_WAITING

pytestmark = [
    pytest.mark.system,
    pytest.mark.docker,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(
        not os.environ.get("DJINNBOT_TEST_COMPOSE"),
        reason="set DJINNBOT_TEST_COMPOSE=1: images of 1 GB, some ten minutes the first time",
    ),
]
SERVERS = Path(__file__).with_name("compose_servers")
LOCAL_BASE = "djinnbot-base:bookworm"  # made by compose/agent/build.sh where no registry is
IMAGE = "djinnbot:test"
TERMINAL = {"completed", "failed", "cancelled"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    api: httpx2.Client
    home: Path
    compose: Callable[..., subprocess.CompletedProcess[str]]

    def containers(self, *filters: str) -> list[tuple[str, str]]:
        """Boxes of this install on the host: id and name."""
        instance = hashlib.sha256(str(self.home).encode()).hexdigest()[:12]
        command = ["docker", "ps", "--no-trunc", "--format", "{{.ID}} {{.Names}}"]
        for found in (f"label=instance={instance}", *filters):
            command += ["--filter", found]
        lines = _run(*command).splitlines()
        return [(line.split()[0], line.split()[1]) for line in lines]

    def waiting(self) -> str:
        """The container that waits for a session; empty while there is none."""
        found = [id for id, name in self.containers() if name.startswith(NAME_WAITING)]
        return found[0] if found else ""

    def logs(self) -> str:
        return self.compose("logs", "--no-color", "--tail", "40").stdout


def _run(*command: str, cwd: Path | None = None) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


def _source(target: Path) -> Path:
    """The tree as git knows it: nothing that lies about here gets into an image."""
    for name in _run("git", "ls-files", "-z", cwd=SOURCE_ROOT).split("\0"):
        if name and (SOURCE_ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(SOURCE_ROOT / name, target / name)
    bundle = Path(os.environ.get("SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt"))
    if bundle.is_file():
        shutil.copy(bundle, target / "compose" / "production" / "django" / "ca-certificates.crt")
    return target


def _servers(directory: Path) -> str:
    shutil.copytree(SERVERS, directory)
    shutil.copy(SOURCE_ROOT / "requirements" / "embedded.txt", directory)
    index = os.environ.get("PIP_INDEX_URL", "")
    _run(
        *("docker", "build", "--network", "host", "--build-arg", f"BASE={IMAGE}"),
        *("--build-arg", f"PIP_INDEX_URL={index}", "--tag", f"{IMAGE}-servers", str(directory)),
    )
    return f"{IMAGE}-servers"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    root = tmp_path_factory.mktemp("compose")
    agent_image = image_ready()
    source = _source(root / "source")
    production = source / "compose" / "production"
    base = LOCAL_BASE if _run("docker", "images", "-q", LOCAL_BASE) else "debian:bookworm-slim"
    port = _free_port()
    with own_home() as home:
        env_file_write(production, DJINNBOT_DATA=str(home), DOMAIN="localhost")
        arguments = ("-p", f"djinnbot-test-{os.getpid()}", "-f", str(production / "compose.yaml"))
        variables = {
            "TEST_BASE": base,
            "TEST_IMAGE": IMAGE,
            "TEST_SERVERS": f"{IMAGE}-servers",
            "TEST_AGENT_IMAGE": agent_image,
            "TEST_PORT": str(port),
        }

        def run(*more: str) -> subprocess.CompletedProcess[str]:
            return compose(*arguments, "-f", str(SERVERS / "override.yaml"), *more, **variables)

        built = run("build", "web")
        assert built.returncode == 0, built.stdout[-3000:] + built.stderr[-3000:]
        _servers(root / "servers")
        try:
            started = run("up", "--detach", "--no-build")
            assert started.returncode == 0, started.stderr[-3000:] + run("logs").stdout[-6000:]
            key = json.loads((home / "credentials.json").read_text())["api_key"]
            with httpx2.Client(
                base_url=f"https://localhost:{port}",
                headers={"Authorization": f"Bearer {key}"},
                verify=False,  # noqa: S501  Caddy's own authority, made with this server
                timeout=30,
            ) as api:
                yield Server(api=api, home=home, compose=run)
        finally:
            run("down", "--volumes", "--remove-orphans", "--timeout", "20")


def test_every_process_runs_and_tls_ends_at_the_proxy(server: Server) -> None:
    answer = eventually(lambda: _asked(server, "/v1/health"), timeout_s=60)
    assert isinstance(answer, dict)
    running = server.compose("ps", "--services", "--status", "running").stdout.split()
    wanted = {"beat", "caddy", "egress", "postgres", "valkey", "web"}
    assert set(running) == wanted | {"worker-agents", "worker-control"}, server.logs()
    page = server.api.get("/", follow_redirects=True)
    assert page.headers["content-type"].startswith("text/html")


def test_an_agent_works_in_a_container_that_was_kept_warm(server: Server) -> None:
    waited = eventually(server.waiting, timeout_s=120)
    body = {"pipeline_id": "test-sandbox", "task": "x", "model_override": "scripted/test-sandbox"}
    started = server.api.post("/v1/runs", json=body)
    assert started.status_code == 201, started.text
    run_id = started.json()["id"]

    def ended() -> dict[str, Any] | None:
        run = server.api.get(f"/v1/runs/{run_id}").json()
        return run if run["status"] in TERMINAL else None

    run = eventually(ended, timeout_s=300)
    assert isinstance(run, dict)
    assert run["status"] == "completed", f"{run}\n{server.logs()}"
    boxes = server.api.get("/v1/containers").json()["items"]
    assert {box["backend"] for box in boxes} == {"docker"}
    assert boxes[-1]["external_id"] == waited, server.logs()
    eventually(lambda: {name.startswith(NAME_WAITING) for _, name in server.containers()} <= {True})


def _asked(server: Server, path: str) -> dict[str, Any] | None:
    try:
        answer = server.api.get(path)
    except httpx2.TransportError:
        return None
    return dict(answer.json()) if answer.status_code == 200 else None
