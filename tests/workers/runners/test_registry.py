"""Which backend is chosen, and what is said about it."""

import io
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker import from_env

from tests.support.boxes import image_ready
from workers.protocol.fingerprint import LABEL
from workers.runners import bubblewrap, cgroups, docker
from workers.runners.base import BoxSpec, RunnerUnavailable
from workers.runners.cgroups import cgroups_unavailable
from workers.runners.docker import DockerRunner
from workers.runners.registry import choose


@pytest.fixture
def no_docker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nothing.sock")


@pytest.fixture
def no_bubblewrap(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(bubblewrap, "bwrap_program", lambda: "")
    bubblewrap._probe.cache_clear()
    yield
    bubblewrap._probe.cache_clear()


@pytest.fixture
def hanging_docker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """A daemon that takes connections and says nothing."""
    path = tmp_path / "docker.sock"
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen()
    held: list[socket.socket] = []

    def accept() -> None:
        while True:
            try:
                held.append(server.accept()[0])
            except OSError:
                return

    threading.Thread(target=accept, daemon=True).start()
    monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
    yield
    server.close()
    for each in held:
        each.close()


@pytest.mark.docker
def test_docker_comes_first_where_its_image_exists(tmp_path: Path) -> None:
    choice = choose("auto", boxes_dir=tmp_path, image=image_ready())
    assert choice.runner.name == "docker"
    assert choice.reason == "Agents run in Docker containers."


@pytest.mark.docker
@pytest.mark.bubblewrap
def test_without_the_image_it_is_bubblewrap_and_says_how_to_make_one(tmp_path: Path) -> None:
    choice = choose("auto", boxes_dir=tmp_path, image="djinnbot-no-such:image")
    assert choice.runner.name == "bubblewrap"
    assert "compose/agent/build.sh" in choice.reason


@pytest.fixture
def outdated_image() -> Iterator[str]:
    client = from_env()
    text = f"FROM {image_ready()}\nLABEL {LABEL}=of-last-year\n"
    client.images.build(fileobj=io.BytesIO(text.encode()), tag="djinnbot-agent:outdated", rm=True)
    yield "djinnbot-agent:outdated"
    client.images.remove("djinnbot-agent:outdated")
    client.close()


@pytest.mark.docker
@pytest.mark.bubblewrap
def test_image_of_another_runtime_is_not_used(outdated_image: str, tmp_path: Path) -> None:
    choice = choose("auto", boxes_dir=tmp_path, image=outdated_image)
    assert choice.runner.name == "bubblewrap"
    assert "another version of the agent runtime" in choice.reason


@pytest.mark.bubblewrap
def test_without_docker_it_is_bubblewrap(no_docker: None, tmp_path: Path) -> None:
    choice = choose("auto", boxes_dir=tmp_path, image="x")
    assert choice.runner.name == "bubblewrap"
    said = "Agents run in bubblewrap sandboxes. No Docker daemon answers."
    assert choice.reason == f"{said} {cgroups_unavailable()}".strip()


def test_the_last_resort_says_that_it_isolates_nothing(
    no_docker: None, no_bubblewrap: None, tmp_path: Path
) -> None:
    choice = choose("auto", boxes_dir=tmp_path, image="x")
    assert choice.runner.name == "process"
    assert not choice.runner.isolated
    assert "NOT ISOLATED" in choice.reason
    assert "bubblewrap is not installed" in choice.reason


def test_what_is_asked_for_is_never_replaced_in_silence(no_docker: None, tmp_path: Path) -> None:
    with pytest.raises(RunnerUnavailable, match="asks for docker. No Docker daemon"):
        choose("docker", boxes_dir=tmp_path, image="x")
    with pytest.raises(RunnerUnavailable, match="it can be auto, docker, bubblewrap, process"):
        choose("podman", boxes_dir=tmp_path, image="x")


def test_a_docker_that_hangs_is_given_up_soon(
    hanging_docker: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F22"""
    monkeypatch.setattr(docker, "_PROBE_TIMEOUT_S", 1)
    monkeypatch.setattr(docker, "_TIMEOUT_S", 1)
    began = time.monotonic()
    assert DockerRunner("x").unavailable() == "No Docker daemon answers."
    with pytest.raises(RunnerUnavailable, match="Is the daemon running") as caught:
        DockerRunner("x").create(BoxSpec(name="djinnbot-test-hang"))
    assert caught.value.extra["retryable"]
    assert time.monotonic() - began < 10


def test_a_docker_that_is_away_is_told_apart_from_a_bad_image(no_docker: None) -> None:
    with pytest.raises(RunnerUnavailable) as caught:
        DockerRunner("x").create(BoxSpec(name="djinnbot-test-away"))
    assert caught.value.code == "runner_unavailable"


def test_a_user_who_can_make_no_cgroups_is_told_what_is_missing(
    no_docker: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(cgroups, "_bases", lambda: None)
    for wanted in ("auto", "process"):
        choice = choose(wanted, boxes_dir=tmp_path, image="")
        assert choice.reason.endswith("their CPU time is not limited.")
