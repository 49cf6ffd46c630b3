"""`djinn up`, `down`, `status`, `logs`: the whole platform under its supervisor."""

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from django.conf import settings

from djinnbot.cli.platform.config import platform_of
from djinnbot.cli.platform.supervision import Supervisor
from djinnbot.embedded.layout import layout_of
from tests.support.cli import Answer, cli_environment, djinn, djinn_interrupted
from tests.support.live import eventually, free_port, own_database, own_home
from tests.support.servers import REPOSITORY, copy_cluster

pytestmark = pytest.mark.system

EMBEDDED = {"postgres", "valkey"}
APPLICATION = {"web", "worker-control", "worker-agents", "egress", "beat"}


class Install:
    """A home and what runs in it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.port = free_port()
        self.extra: dict[str, str] = {}

    def djinn(self, *arguments: str) -> Answer:
        return djinn(*arguments, home=self.home, environment=self.extra)

    def up(self) -> Answer:
        return self.djinn("up", "--detach", "--port", str(self.port))

    def status(self) -> dict[str, str]:
        """{process: state}; the API is a process of its own here."""
        found = self.djinn("--json", "status").json
        states = {process["name"]: process["status"] for process in found["processes"]}
        return {**states, "api": found["api"]["state"]}

    def pids(self) -> dict[str, int]:
        platform = platform_of(environment=cli_environment(self.home, self.extra))
        supervisor = Supervisor(platform)
        return {
            **{state.name: state.pid for state in supervisor.states() if state.pid},
            "supervisor": supervisor.pid(),
        }

    def is_healthy(self) -> bool:
        answer = self.djinn("--json", "status")
        return answer.code == 0


def processes_of(home: Path) -> list[str]:
    """Command lines of live processes that mention the home, or have it in their environment."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.pid == os.getpid() or process.status() == psutil.STATUS_ZOMBIE:
                continue
            command = " ".join(process.cmdline())
            if str(home) in command or process.environ().get("DJINNBOT_HOME") == str(home):
                found.append(f"{process.pid} {command}")
    return found


@contextlib.contextmanager
def install(*, is_new: bool = False) -> Iterator[Install]:
    """Not quite new, it has its database already: making one takes half the time of a start."""
    with own_home() as home:
        if not is_new:
            copy_cluster(layout_of(home).postgres_data)
        made = Install(home)
        try:
            yield made
        finally:
            made.djinn("down")
            assert eventually(lambda: not processes_of(home), timeout_s=90)


@pytest.fixture(scope="module")
def running() -> Iterator[Install]:
    with install(is_new=True) as made:
        answer = made.up()
        assert answer.code == 0, answer
        yield made


def test_all_is_up_and_the_kept_key_opens_the_api(running: Install) -> None:
    assert running.status() == dict.fromkeys(EMBEDDED | APPLICATION, "RUNNING") | {"api": "ok"}
    assert running.djinn("--json", "runs", "list").json == []
    assert (running.home / "credentials.json").stat().st_mode & 0o077 == 0


def test_up_again_says_so_and_changes_nothing(running: Install) -> None:
    before = running.pids()
    answer = running.up()
    assert answer.code == 0
    assert "already up" in answer.err
    assert running.pids() == before


def test_logs_name_their_process(running: Install) -> None:
    answer = running.djinn("logs", "worker-control", "--lines", "200")
    assert answer.code == 0
    assert all(line.startswith("worker-control") for line in answer.out.splitlines())
    assert "ready." in answer.out
    assert running.djinn("logs", "nonsense").code == 4


def test_manage_runs_with_the_settings_of_the_install(running: Install) -> None:
    answer = running.djinn("manage", "check")
    assert answer.code == 0, answer
    assert "no issues" in answer.out


def test_a_login_link_signs_a_browser_in_once(running: Install) -> None:
    link = running.djinn("login-link").out.strip()
    assert link.startswith(f"http://127.0.0.1:{running.port}/login/")


def test_no_secret_stands_in_a_command_line_or_the_supervisors_file(running: Install) -> None:
    secrets = [
        (running.home / "secret_key").read_text(),
        (running.home / "valkey" / "password").read_text(),
    ]
    shown = [*processes_of(running.home), (running.home / "run" / "supervisord.conf").read_text()]
    assert not [text for text in shown for secret in secrets if secret in text]


@pytest.mark.parametrize("name", sorted(EMBEDDED | APPLICATION))
def test_a_killed_process_comes_back(running: Install, name: str) -> None:
    before = running.pids()[name]
    os.kill(before, signal.SIGKILL)
    eventually(lambda: running.pids().get(name, before) != before, timeout_s=90)
    eventually(running.is_healthy, timeout_s=60)
    assert running.djinn("runs", "list").code == 0


def test_data_outlives_a_stop_and_files_changed_meanwhile_are_seen(running: Install) -> None:
    key = (running.home / "credentials.json").read_text()
    down = running.djinn("down")
    assert down.code == 0
    assert "is down" in down.err
    assert processes_of(running.home) == []
    built_in = (REPOSITORY / "apps/pipelines/library/test-simple.yml").read_text()
    (running.home / "pipelines").mkdir(exist_ok=True)
    mine = running.home / "pipelines" / "mine.yml"
    mine.write_text(built_in.replace("id: test-simple", "id: mine", 1))
    assert running.up().code == 0
    assert (running.home / "credentials.json").read_text() == key
    assert running.djinn("pipeline", "show", "mine").code == 0
    assert running.djinn("runs", "list").code == 0


def test_a_killed_supervisor_takes_all_with_it_and_the_next_start_is_clean() -> None:
    with install() as made:
        assert made.up().code == 0
        os.kill(made.pids()["supervisor"], signal.SIGKILL)
        eventually(lambda: not processes_of(made.home), timeout_s=90)
        answer = made.up()
        assert answer.code == 0, answer
        assert made.is_healthy()


def test_a_run_under_way_goes_on_after_down_and_up() -> None:
    script = {"ANALYZE": [[{"sleep_s": 60}, {"outputs": {"analysis": "second attempt"}}]]}
    with install() as made:
        made.extra = {
            "DJINNBOT_STEP_EXECUTOR": "tests.support.scripted_executor.ScriptedExecutor",
            "DJINNBOT_LEASE_S": "5",
            "DJINNBOT_LEASE_RENEW_S": "1",
        }
        assert made.up().code == 0
        started = made.djinn(
            *("run", "test-simple", "a task", "--detach", "--model", "scripted/test"),
            *("--var", f"script={json.dumps(script)}"),
        )
        run_id = started.out.strip()
        eventually(lambda: "running" in made.djinn("steps", "list", run_id).out, timeout_s=60)
        assert made.djinn("down").code == 0
        assert made.up().code == 0
        watched = made.djinn("runs", "watch", run_id, "--timeout", "120")
        assert watched.code == 0, watched
        assert "second attempt" in watched.out


def test_in_the_foreground_it_shows_logs_and_ctrl_c_stops_all() -> None:
    with install() as made:
        answer = djinn_interrupted(
            *("up", "--port", str(made.port)), home=made.home, after="Data: "
        )
        assert answer.code == 130
        assert "Stopping" in answer.out
        assert processes_of(made.home) == []


def test_a_start_that_fails_half_way_is_undone() -> None:
    with install() as made:
        made.extra = {"DJANGO_SETTINGS_MODULE": "djinnbot.settings.nonsense"}
        answer = made.up()
        assert answer.code == 1
        assert "could not be prepared" in answer.err
        assert processes_of(made.home) == []


def test_servers_of_ones_own_are_used_and_no_other_is_started(redis_client: object) -> None:
    from tests.conftest import database_url

    with (
        own_database(database_url("postgres"), tables=False) as database,
        install(is_new=True) as made,
    ):
        made.extra = {
            "DATABASE_URL": database_url(database),
            "REDIS_URL": settings.REDIS_URL,
        }
        answer = made.up()
        assert answer.code == 0, answer
        assert set(made.status()) == APPLICATION | {"api"}
        assert not (made.home / "postgres").exists()
        made.djinn("down")


def test_two_homes_run_side_by_side(running: Install) -> None:
    with install() as other:
        assert other.up().code == 0
        assert other.is_healthy()
        assert running.is_healthy()
        first, second = (set(one.pids().values()) for one in (running, other))
        assert not first & second


def test_two_starts_at_once_make_one_platform() -> None:
    with install(is_new=True) as made:
        environment = cli_environment(made.home)
        command = ["-m", "djinnbot.cli.main", "up", "--detach", "--port", str(made.port)]
        import sys

        both = [
            subprocess.Popen([sys.executable, *command], env=environment, stderr=subprocess.PIPE)
            for _ in range(2)
        ]
        codes = sorted(process.wait(120) for process in both)
        for process in both:
            assert process.stderr is not None
            process.stderr.close()
        assert codes in ([0, 0], [0, 6])
        assert made.is_healthy()
