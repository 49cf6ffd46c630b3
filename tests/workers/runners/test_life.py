"""What every backend does alike: start, end, stop, kill, limits, logs, and leaving nothing."""

import os
import signal
import subprocess
import time
from collections.abc import Callable

import pytest

from tests.support.boxes import BACKENDS, ISOLATED, cgroups_of, mounts_of, processes_of
from tests.workers.runners.conftest import NAMES, UID, Yard
from workers.protocol.launch import BOX_VARIABLE
from workers.runners.base import BoxSpec

Open = Callable[[str], Yard]
every = pytest.mark.parametrize("backend", BACKENDS)
isolated = pytest.mark.parametrize("backend", ISOLATED)


def left_of(yard: Yard, name: str) -> list[object]:
    boxes = [box for box in yard.runner.list({"app": "djinnbot-test"}) if box.name == name]
    return [*boxes, *processes_of(name), *mounts_of(name), *cgroups_of(name)]


@every
def test_a_command_runs_in_its_home_and_its_end_is_known(yard: Open, backend: str) -> None:
    here = yard(backend)
    code, output = here.sh("pwd; echo to-out; echo to-err >&2; echo kept > file; exit 7")
    assert code == 7
    assert here.runner.seen(here.mount()) in output
    assert "to-out" in output
    assert "to-err" in output
    assert (here.home / "file").read_text() == "kept\n"
    user = os.geteuid() if backend == "process" else UID
    assert (here.home / "file").stat().st_uid == user


@every
def test_the_environment_is_the_one_given(
    yard: Open, backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROVIDER_KEY", "canary-key")
    here = yard(backend)
    _, output = here.sh("env; cat /proc/1/environ /proc/self/environ", env={"TOKEN": "mine"})
    assert "TOKEN=mine" in output
    assert "canary-key" not in output


@every
def test_stop_asks_first_and_then_kills(yard: Open, backend: str) -> None:
    here = yard(backend)
    polite = here.box(
        "sh", "-c", "trap 'echo bye; exit 3' TERM; echo up; while :; do sleep 0.05; done"
    )
    here.shows(polite, "up")
    here.runner.stop(polite, grace_s=10)
    state = here.runner.state(polite)
    assert (state.running, state.exit_code) == (False, 3)
    assert "bye" in here.runner.logs(polite)
    here.runner.remove(polite)
    deaf = here.box("sh", "-c", "trap '' TERM; echo up; while :; do sleep 0.05; done")
    here.shows(deaf, "up")
    began = time.monotonic()
    here.runner.stop(deaf, grace_s=1)
    assert not here.runner.state(deaf).running
    assert time.monotonic() - began < 10


@every
def test_a_detached_daemon_ends_with_its_box(yard: Open, backend: str) -> None:
    """F27"""
    here = yard(backend)
    beat = here.home / "beat"
    script = f"while :; do date +%s%N > {here.runner.seen(here.mount())}/beat; sleep 0.1; done"
    box = here.box("sh", "-c", f"setsid nohup sh -c '{script}' >/dev/null 2>&1 & sleep 0.5; exit 0")
    here.ended(box)
    here.runner.remove(box)
    beat.unlink(missing_ok=True)
    time.sleep(0.5)
    assert not beat.exists()


@every
def test_a_box_killed_from_outside_is_seen_within_five_seconds(yard: Open, backend: str) -> None:
    """F24"""
    here = yard(backend)
    box = here.box("sleep", "1000")
    time.sleep(0.3)
    pids = processes_of(box.name)
    if backend == "docker":
        import docker

        docker.from_env().api.kill(box.external_id)
    else:
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
    state = here.ended(box, by_s=5)
    assert state.exit_code == 137
    assert not state.oom_killed


@every
def test_a_memory_bomb_ends_as_out_of_memory(yard: Open, backend: str) -> None:
    """F23, S06"""
    here = yard(backend)
    bomb = "import time\nheap = []\nwhile True:\n heap.append(bytearray(4 << 20)); time.sleep(0.01)"
    box = here.box("python3", "-c", bomb, memory_mb=96)
    state = here.ended(box, by_s=20)
    assert state.oom_killed, here.runner.logs(box)


@isolated
def test_a_fork_bomb_stays_in_its_box(yard: Open, backend: str) -> None:
    """S06"""
    here = yard(backend)
    bomb = (
        "import os\nn = 0\n"
        "while n < 500:\n"
        "  try:\n    pid = os.fork()\n"
        "  except OSError: break\n"
        "  if pid == 0:\n    import time; time.sleep(60); os._exit(0)\n"
        "  n += 1\nprint('forked', n, flush=True)\nos._exit(0)"
    )
    box = here.box("python3", "-c", bomb, pids=40)
    here.ended(box)
    forked = int(here.runner.logs(box).split("forked")[1].split()[0])
    assert forked < 45


@every
def test_a_program_that_is_not_there_is_a_failed_start(yard: Open, backend: str) -> None:
    here = yard(backend)
    box = here.box("/no/such/program")
    state = here.ended(box, by_s=5)
    assert state.start_failed
    assert "No such file" in here.runner.logs(box)


@every
def test_twenty_starts_and_stops_leave_nothing(yard: Open, backend: str) -> None:
    here = yard(backend)
    for number in range(20):
        name = f"{NAMES}cycle-{number}"
        box = here.box("sleep", "1000", name=name)
        if number % 3 == 0:
            here.runner.stop(box, grace_s=0)
        here.runner.remove(box)
        assert not here.runner.state(box).running
    assert not left_of(here, f"{NAMES}cycle")
    assert not list(here.boxes_dir.glob("*"))


@every
def test_a_stale_box_of_the_same_name_goes_first(yard: Open, backend: str) -> None:
    here = yard(backend)
    first = here.box("sleep", "1000")
    second = here.box("sh", "-c", "echo second")
    here.ended(second)
    assert "second" in here.runner.logs(second)
    assert first.external_id != second.external_id or backend != "docker"
    here.runner.remove(second)
    here.runner.remove(second)  # again is fine
    assert not left_of(here, f"{NAMES}box")


@every
def test_boxes_are_found_by_label_and_by_another_runner_of_this_host(
    yard: Open, backend: str
) -> None:
    here = yard(backend)
    box = here.box("sleep", "1000", name=f"{NAMES}found")
    other = type(here.runner)(here.boxes_dir) if backend != "docker" else here.runner  # type: ignore[call-arg]
    (found,) = other.list({"app": "djinnbot-test", "session": f"{NAMES}found"})
    assert found.name == box.name
    assert other.state(found).running
    assert other.list({"app": "djinnbot-test", "session": "another"}) == []
    stats = other.stats(found)
    assert stats.processes >= 1
    assert stats.memory_bytes > 0
    other.remove(found)
    assert not here.runner.state(box).running
    assert not left_of(here, f"{NAMES}found")


@every
def test_a_long_log_is_read_from_its_end(yard: Open, backend: str) -> None:
    here = yard(backend)
    box = here.box("sh", "-c", "seq 1 5000")
    here.ended(box)
    lines = here.runner.logs(box).split()
    assert lines == [str(number) for number in range(4801, 5001)]


def test_what_came_of_a_start_that_was_not_answered_goes_with_its_box(yard: Open) -> None:
    here = yard("process")
    box = here.runner.create(BoxSpec(name=f"{NAMES}late", labels={"app": "djinnbot-test"}))
    with subprocess.Popen(
        ["sleep", "1000"], env={"PATH": os.defpath, BOX_VARIABLE: box.name}
    ) as late:
        here.runner.remove(box)
        assert late.wait(30) == -signal.SIGKILL
