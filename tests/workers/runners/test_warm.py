"""Containers that wait for a session: what they get, what they keep apart, what they leave."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import docker
import pytest

from tests.support.boxes import image_ready
from tests.support.live import eventually
from tests.workers.runners.conftest import UID, Yard
from workers.runners import docker as runner_module
from workers.runners.base import BoxSpec, Limits, Mount
from workers.runners.docker import DockerRunner
from workers.runners.mounts import mounting_unavailable
from workers.runners.pool import NAME_WAITING, _is_first_of_its_namespace

pytestmark = [
    pytest.mark.docker,
    pytest.mark.skipif(bool(mounting_unavailable()), reason=mounting_unavailable()),
]
# The same in the process that a test starts, and no other's.
MINE = os.environ.setdefault("DJINNBOT_TEST_WARM", str(os.getpid()))
LABELS = {"app": "djinnbot-test", "instance": f"warm-{MINE}"}
Open = Callable[[str], Yard]


def like(**limits: int) -> BoxSpec:
    return BoxSpec(
        name="",
        image=image_ready(),
        labels=LABELS,
        limits=Limits(**limits),
        uid=UID,
        gid=UID,
    )


def containers(*, running: bool = False) -> list[str]:
    client = docker.from_env()
    found = client.api.containers(
        all=not running, filters={"label": [f"{key}={value}" for key, value in LABELS.items()]}
    )
    client.close()
    return [entry["Id"] for entry in found]


@pytest.fixture
def warm(yard: Open) -> Iterator[Yard]:
    here = yard("docker")
    assert isinstance(here.runner, DockerRunner)
    here.runner.warm(like(), 1)
    waits(here)
    yield here
    for box in here.made:
        here.runner.remove(box)
    here.runner.cool()
    assert not containers()


def waits(here: Yard) -> str:
    """Wait for a container that waits; its id."""
    assert isinstance(here.runner, DockerRunner)
    eventually(here.runner.waiting, timeout_s=60)
    (found,) = containers(running=True)
    return found


def test_a_waiting_container_becomes_the_box_of_one_session(warm: Yard, tmp_path: Path) -> None:
    packed = tmp_path / "mirror.git" / "objects"
    packed.mkdir(parents=True)
    (packed / "pack").write_text("packed\n")
    workspace = tmp_path / "run"
    workspace.mkdir()
    os.chown(workspace, UID, UID)
    outside = tmp_path / "outside"
    outside.mkdir()
    (warm.home / "run-workspace").symlink_to(outside)  # left by an earlier session
    waited = waits(warm)
    assert warm.runner.list(LABELS) == [], "what waits is no box"
    other = warm.box("true", name=f"djinnbot-ses_other{MINE}", memory_mb=128)
    assert other.external_id != waited, "a box of another make is made for itself"
    box = warm.box(
        "sh",
        "-c",
        f"echo TOKEN=$TOKEN; cat {packed}/pack; touch {packed}/new; touch /usr/x;"
        " echo work > /home/agent/run-workspace/result; echo left > /tmp/left; id -u; cat;"
        " grep -E 'CapEff|NoNewPrivs|Seccomp:' /proc/self/status",
        name=f"djinnbot-ses_first{MINE}",
        mounts=[
            Mount(source=packed, target=str(packed)),
            Mount(source=workspace, target="/home/agent/run-workspace", read_only=False),
        ],
        env={"TOKEN": "for-the-first"},
    )
    assert box.external_id == waited
    state = warm.ended(box)
    output = warm.runner.logs(box)
    assert state.exit_code == 0, output
    assert "TOKEN=for-the-first" in output
    assert "packed" in output
    assert output.count("Read-only file system") == 2
    assert str(UID) in output.splitlines()
    status = [line.split(":\t") for line in output.splitlines() if ":\t" in line]
    assert status == [["CapEff", "0" * 16], ["NoNewPrivs", "1"], ["Seccomp", "2"]]
    assert (workspace / "result").read_text() == "work\n"
    assert os.listdir(outside) == []
    assert outside.stat().st_uid == os.geteuid()
    facts = json.dumps(docker.from_env().api.inspect_container(box.external_id))
    assert "for-the-first" not in facts, "what a session is given stands in no description"

    (found,) = warm.runner.list({"app": "djinnbot-test", "session": f"ses_first{MINE}"})
    assert (found.name, found.external_id) == (box.name, box.external_id)
    assert str(workspace) not in Path("/proc/self/mountinfo").read_text()
    warm.runner.remove(box)
    assert warm.runner.list({"app": "djinnbot-test", "session": f"ses_first{MINE}"}) == []


def test_no_container_serves_two_sessions(warm: Yard, tmp_path: Path) -> None:
    first = warm.box("sh", "-c", "echo mine > /tmp/secret; echo $TOKEN", env={"TOKEN": "canary"})
    warm.ended(first)
    warm.runner.remove(first)
    assert waits(warm) != first.external_id
    second = warm.box("sh", "-c", "cat /tmp/secret; env; ls -A /tmp; cat /proc/*/environ")
    warm.ended(second)
    output = warm.runner.logs(second)
    assert second.external_id != first.external_id
    assert "canary" not in output
    assert "mine" not in output


def test_a_waiting_container_that_was_killed_is_not_handed_out(warm: Yard) -> None:
    client = docker.from_env()
    client.api.kill(waits(warm))
    client.api.wait(containers()[0])
    box = warm.box("sh", "-c", "echo here")
    assert warm.ended(box).exit_code == 0
    assert "here" in warm.runner.logs(box)


_OWNER = """
import sys, time
from tests.workers.runners.test_warm import like
from workers.runners.docker import DockerRunner
runner = DockerRunner()
runner.warm(like(), 1)
while not runner.waiting():
    time.sleep(0.05)
print("waiting", flush=True)
time.sleep(600)
"""


def test_what_waits_ends_with_its_worker(yard: Open) -> None:
    here = yard("docker")
    owner = subprocess.Popen([sys.executable, "-c", _OWNER], stdout=subprocess.PIPE, text=True)
    try:
        assert owner.stdout is not None
        assert owner.stdout.readline() == "waiting\n"
        assert here.runner.list(LABELS) == [], "its worker lives"
    finally:
        owner.send_signal(signal.SIGKILL)
        owner.wait()
    eventually(lambda: not containers(running=True), timeout_s=20)
    (left,) = here.runner.list(LABELS)
    assert left.name.startswith(NAME_WAITING)

    kept = here.box("sleep", "60", labels=LABELS)
    here.runner.warm(like(), 0)  # the next worker of the same install starts
    assert containers() == [kept.external_id]
    here.runner.remove(kept)


def test_what_a_vanished_install_left_goes_after_an_hour(
    yard: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing that runs, has become a session's, or is another program's."""
    monkeypatch.setattr(runner_module, "APP", LABELS["app"])
    here = yard("docker")
    assert isinstance(here.runner, DockerRunner)
    labels = {**LABELS, "warm": "1"}
    ended, running, session = (
        here.box(*command, name=f"{name}{MINE}", labels=labels)
        for name, command in [
            (NAME_WAITING, ["true"]),
            (f"{NAME_WAITING}b", ["sleep", "60"]),
            ("djinnbot-ses-test-", ["true"]),
        ]
    )
    for box in (ended, session):
        here.ended(box)
    name = f"{NAME_WAITING}c{MINE}"
    never = here.runner.create(BoxSpec(name=name, image=image_ready(), labels=labels))
    here.made.append(never)
    here.runner.sweep()
    assert {ended.external_id, never.external_id} <= set(containers()), "they are an hour too young"
    monkeypatch.setattr(runner_module, "_FORGOTTEN_AFTER", timedelta(0))
    here.runner.sweep()
    assert sorted(containers()) == sorted([running.external_id, session.external_id])


def test_a_number_that_is_another_process_here_is_no_container() -> None:
    """A worker in a container of its own counts processes otherwise than Docker's host."""
    assert not _is_first_of_its_namespace(os.getpid())
    assert not _is_first_of_its_namespace(2**22 + 1)
