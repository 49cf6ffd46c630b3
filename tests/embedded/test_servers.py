"""PostgreSQL and Valkey from wheels: start, stop, kill -9, stale files, bad directories."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from djinnbot.embedded.errors import EmbeddedError
from djinnbot.embedded.layout import Layout, layout_of
from djinnbot.embedded.postgres import Postgres, version
from djinnbot.embedded.process import wait_until
from djinnbot.embedded.valkey import Valkey
from tests.support.live import own_home
from tests.support.servers import REPOSITORY


class Server:
    """One server as the supervisor runs it: in the foreground of a child process."""

    def __init__(self, name: str, layout: Layout) -> None:
        self.name = name
        self.layout = layout
        self.postgres = Postgres.of(layout)
        self.valkey = Valkey.of(layout)
        self.process: subprocess.Popen[str] | None = None

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def start(self) -> "Server":
        self.spawn()
        ready = self.postgres.is_ready if self.name == "postgres" else self.valkey.is_ready
        assert wait_until(lambda: ready() or self.ended(), timeout_s=30)
        assert not self.ended(), self.process and self.process.communicate()
        return self

    def spawn(self) -> None:
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "djinnbot.embedded", self.name),
                *("--home", str(self.layout.home), "--die-with-parent"),
            ],
            cwd=REPOSITORY,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def refusal(self) -> str:
        """Start it and give back the sentence with which it ends."""
        self.spawn()
        assert self.process is not None
        text = self.process.communicate(timeout=30)[1]
        assert self.process.returncode == 1
        return text

    def ended(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def stop(self, number: signal.Signals = signal.SIGINT) -> None:
        if self.process is None or self.ended():
            return
        self.process.send_signal(number)
        self.process.communicate(timeout=30)

    def kill(self) -> None:
        self.stop(signal.SIGKILL)

    def sql(self, statement: str) -> list[tuple[object, ...]]:
        with psycopg.connect(self.postgres.url("postgres"), autocommit=True) as connection:
            cursor = connection.execute(statement)
            return list(cursor.fetchall()) if cursor.description else []

    def redis(self) -> redis.Redis:
        return redis.Redis.from_url(self.valkey.url(), decode_responses=True)


Make = Callable[[str], Server]


@pytest.fixture
def layout() -> Iterator[Layout]:
    with own_home() as home:
        yield layout_of(home)


@pytest.fixture
def make(layout: Layout) -> Iterator[Make]:
    made: list[Server] = []

    def server(name: str) -> Server:
        made.append(Server(name, layout))
        return made[-1]

    yield server
    for one in made:
        with contextlib.suppress(ProcessLookupError):
            one.kill()


def test_postgres_keeps_its_data_over_a_clean_stop(make: Make) -> None:
    server = make("postgres").start()
    server.sql("CREATE TABLE kept AS SELECT 7 AS value")
    server.stop()
    server.start()
    assert server.sql("SELECT value FROM kept") == [(7,)]


def test_postgres_recovers_what_was_committed_before_a_kill(make: Make) -> None:
    server = make("postgres").start()
    server.sql("CREATE TABLE kept AS SELECT generate_series(1, 1000) AS value")
    server.kill()
    server.start()
    assert server.sql("SELECT count(*) FROM kept") == [(1000,)]


def test_postgres_is_closed_to_the_network_and_to_other_users(make: Make, layout: Layout) -> None:
    server = make("postgres").start()
    assert server.sql("SHOW listen_addresses") == [("",)]
    assert layout.postgres_socket_dir.stat().st_mode & 0o077 == 0


def test_postgres_starts_over_a_pid_file_whose_number_is_now_another_process(
    make: Make, layout: Layout
) -> None:
    server = make("postgres").start()
    server.kill()
    pid_file = layout.postgres_data / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    assert server.start().sql("SELECT 1") == [(1,)]


def test_a_half_made_cluster_is_made_again(make: Make, layout: Layout) -> None:
    partial = layout.home / "postgres.partial"
    (partial / "base").mkdir(parents=True)
    (partial / "PG_VERSION").write_text("18\n")
    assert make("postgres").start().sql("SELECT 1") == [(1,)]
    assert not partial.exists()


def test_an_incomplete_data_directory_is_refused_and_left_alone(make: Make, layout: Layout) -> None:
    layout.postgres_data.mkdir()
    (layout.postgres_data / "PG_VERSION").write_text("18\n")
    assert "not a complete PostgreSQL data directory" in make("postgres").refusal()
    assert (layout.postgres_data / "PG_VERSION").read_text() == "18\n"


def test_a_data_directory_of_another_version_is_refused_and_left_alone(
    make: Make, layout: Layout
) -> None:
    server = make("postgres").start()
    server.stop()
    (layout.postgres_data / "PG_VERSION").write_text("15\n")
    refusal = server.refusal()
    assert "made by PostgreSQL 15" in refusal
    assert f"brings PostgreSQL {version().split('.')[0]}" in refusal
    assert (layout.postgres_data / "global" / "pg_control").exists()


def test_a_second_server_on_the_same_data_is_refused(
    make: Make, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    make("postgres").start()
    monkeypatch.setattr("djinnbot.embedded.postgres._LOCK_WAIT_S", 0.2)
    with pytest.raises(EmbeddedError, match="Another PostgreSQL server is running"):
        Postgres.of(layout).prepare()


def test_too_little_disk_space_is_refused_before_anything_is_made(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("djinnbot.embedded.postgres._MIN_FREE_BYTES", 2**62)
    with pytest.raises(EmbeddedError, match="MB are free"):
        Postgres.of(layout).prepare()
    assert not layout.postgres_data.exists()


def test_servers_end_with_the_process_that_started_them(layout: Layout) -> None:
    script = (
        "import subprocess, sys, time\n"
        f"p = subprocess.Popen([sys.executable, '-m', 'djinnbot.embedded', 'valkey', '--home', "
        f"{str(layout.home)!r}, '--die-with-parent'], stdout=subprocess.DEVNULL)\n"
        "print(p.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    starter = subprocess.Popen(
        [sys.executable, "-c", script], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    )
    assert starter.stdout is not None
    starter.stdout.readline()
    server = Valkey.of(layout)
    assert wait_until(server.is_ready, timeout_s=20)
    starter.kill()
    starter.communicate()
    assert wait_until(lambda: not server.is_ready(), timeout_s=10)


def test_valkey_keeps_its_data_over_a_kill(make: Make) -> None:
    server = make("valkey").start()
    with server.redis() as client:
        client.xadd("stream", {"field": "value"})
        client.set("key", "value")
    time.sleep(1.5)  # `appendfsync everysec`
    server.kill()
    server.start()
    with server.redis() as client:
        assert client.get("key") == "value"
        assert client.xlen("stream") == 1


def test_valkey_starts_over_a_stale_socket(make: Make, layout: Layout) -> None:
    server = make("valkey").start()
    server.kill()
    assert layout.redis_socket.exists()
    with server.start().redis() as client:
        assert client.ping()


def test_valkey_refuses_a_stranger_and_knows_the_users_of_boxes_after_a_restart(
    make: Make, layout: Layout
) -> None:
    server = make("valkey").start()
    with server.redis() as client:
        client.acl_setuser(
            "box", enabled=True, passwords=["+secret"], keys=["s:*"], commands=["+@all"]
        )
        client.acl_save()
    server.stop(signal.SIGTERM)
    server.start()
    socket = str(layout.redis_socket)
    with redis.Redis(unix_socket_path=socket, username="box", password="secret") as box:
        assert box.set("s:1", "mine")
        with pytest.raises(redis.exceptions.NoPermissionError):
            box.set("other", "not mine")
    with (
        redis.Redis(unix_socket_path=socket) as stranger,
        pytest.raises(redis.exceptions.AuthenticationError),
    ):
        stranger.get("s:1")


def test_valkey_never_evicts_and_writes_a_log(make: Make) -> None:
    with make("valkey").start().redis() as client:
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        assert client.config_get("appendonly") == {"appendonly": "yes"}
        assert client.config_get("appendfsync") == {"appendfsync": "everysec"}


def test_files_with_secrets_are_for_the_owner_only(make: Make, layout: Layout) -> None:
    make("valkey").start()
    for name in ("password", "users.acl", "valkey.conf"):
        assert (layout.valkey_data / name).stat().st_mode & 0o077 == 0, name


def test_two_homes_run_side_by_side(make: Make) -> None:
    with own_home() as other:
        second = Server("valkey", layout_of(other))
        try:
            with make("valkey").start().redis() as one, second.start().redis() as two:
                one.set("key", "first")
                assert two.get("key") is None
        finally:
            second.kill()


def test_a_home_with_a_long_path_gets_short_sockets(tmp_path: Path) -> None:
    layout = layout_of(tmp_path / ("deep" * 20) / ("deeper" * 10))
    assert len(str(layout.redis_socket)) < 100
    assert layout.postgres_data.is_relative_to(tmp_path)


def test_short_sockets_go_where_the_operator_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with own_home() as place:
        monkeypatch.setenv("DJINNBOT_RUNTIME_DIR", str(place / "run"))
        layout = layout_of(tmp_path / ("deep" * 20) / ("deeper" * 10))
        assert layout.redis_socket.is_relative_to(place / "run")


def test_a_home_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    with pytest.raises(EmbeddedError, match="is a file"):
        layout_of(tmp_path / "home")
