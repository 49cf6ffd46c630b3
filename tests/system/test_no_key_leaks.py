"""A provider's key after real runs: it is in no box, process list, log, event, table or file."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis
from psycopg import sql

from tests.conftest import own_stack
from tests.support.capabilities import missing
from tests.support.cli import djinn
from tests.support.live import eventually
from tests.support.model_server import Answer, ModelServer, calls, fails
from tests.support.stack import Stack

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]
MARKER = "sk-marker-5d1c9e7a44f0b2"
SEEN = "the-box-was-looked-at"
LOOK = f"env; tr '\\0' '\\n' < /proc/self/environ; cat /proc/*/cmdline; echo {SEEN}"
PIPELINE = """\
id: leak
name: Leak
version: "1"
defaults: {model: custom-real/any, maxRetries: 0}
agents: [{id: stas, name: Stas}]
steps:
  - {id: LOOK, agent: stas, input: "Look around.", outputs: [found]}
"""


@pytest.fixture
def stack(_servers: None, tmp_path: Path) -> Iterator[Stack]:
    runner = "process" if missing("bubblewrap") else "bubblewrap"
    with own_stack(tmp_path, {"DJINNBOT_RUNNER": runner}) as started:
        library = started.home / "pipelines"
        library.mkdir(exist_ok=True)
        (library / "leak.yml").write_text(PIPELINE)
        eventually(lambda: started.api.get("/v1/pipelines/leak").status_code == 200)
        yield started


def test_no_key_is_anywhere_in_clear(stack: Stack, tmp_path: Path) -> None:
    refusal = fails(401, "invalid_api_key", f"Incorrect API key provided: {MARKER}")
    done = calls("complete", outputs={"found": "nothing"})
    answers = [calls("bash", command=LOOK), Answer(tools=done.tools, delay_s=3), refusal]
    with ModelServer(answers) as provider:
        base = f"{provider.url}/v1"
        for command in (
            ("provider", "add", "real", base, "--allow-private", "--free"),
            ("provider", "set-key", "custom-real"),
        ):
            answer = djinn(*command, home=stack.home, stdin=MARKER)
            assert answer.code == 0, answer.err
        run_id = stack.start_run("leak", "Look.", workspace_type="none", record=True)
        eventually(lambda: len(provider.requests) == 2, timeout_s=120)
        assert processes_that_show(MARKER) == []  # the box is alive
        run = stack.wait_for_end(run_id, 200)
        assert run["status"] == "completed", run
        refused = stack.wait_for_end(
            stack.start_run("leak", "Look.", workspace_type="none", record=True), 200
        )
        assert refused["status"] == "failed"
        keys = {headers.get("authorization") for headers in provider.headers}
    assert keys == {f"Bearer {MARKER}"}, "the provider was asked with the key"
    tables, streams = database_of(stack), redis_of(stack)
    assert SEEN in tables
    assert SEEN in streams
    assert "…f0b2" in djinn("provider", "show", "custom-real", home=stack.home).out
    assert MARKER not in tables
    assert MARKER not in streams
    assert MARKER not in stack.api.get(f"/v1/runs/{refused['id']}").text
    assert files_with(MARKER, stack.home, tmp_path) == []
    assert files_with(SEEN, stack.home / "recordings"), "recordings are among the files"


def processes_that_show(text: str) -> list[str]:
    """Processes of this host with the text in their environment or arguments."""
    found = []
    for process in Path("/proc").iterdir():
        for name in ("environ", "cmdline"):
            try:
                if process.name.isdigit() and text.encode() in (process / name).read_bytes():
                    found.append(f"{process.name}/{name}")
            except OSError:
                continue  # it has ended, or is not ours
    return found


def database_of(stack: Stack) -> str:
    url = stack.environment["DATABASE_URL"].replace("postgres://", "postgresql://")
    dump = ""
    with psycopg.connect(url) as connection:
        tables = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        ).fetchall()
        for (table,) in tables:
            rows = sql.SQL("SELECT t::text FROM {} t").format(sql.Identifier(table))
            dump += "\n".join(row[0] for row in connection.execute(rows).fetchall())
    return dump


def redis_of(stack: Stack) -> str:
    client = redis.Redis.from_url(stack.environment["REDIS_URL"])
    client.config_set("rdbcompression", "no")
    values = [client.dump(key) or b"" for key in client.scan_iter()]
    return b"\n".join(values).decode("latin-1")


def files_with(text: str, *directories: Path) -> list[Path]:
    return [
        path
        for directory in directories
        for path in directory.rglob("*")
        if path.is_file() and not path.is_symlink() and text.encode() in path.read_bytes()
    ]
