"""A secret in a real run, in a real box: used by the agent, and found nowhere afterwards."""

import base64
import hashlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pyotp
import pytest
import redis

from tests.conftest import own_stack
from tests.support.cli import djinn
from tests.support.live import eventually
from tests.support.stack import Stack

pytestmark = [pytest.mark.system, pytest.mark.bubblewrap, pytest.mark.timeout(600)]

AGENT = "yukihiro"
MARKER = 'marker-Zq7w/Rt+41 0f9c-"quoted"-end'
OPEN_MARKER = "open-marker-5Tg8-Kp3x-0192"
FILE_LINES = ["first-line-of-a-file-8Hq2", "second-line-of-a-file-3Vm9", "third-line-of-it-77Xc"]
SEED = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"

PIPELINE = f"""\
id: leaky
name: Leaky
version: "1"
defaults: {{model: scripted/leaky}}
agents: [{{id: {AGENT}, name: Yukihiro}}]
steps:
  - {{id: LEAK, agent: {AGENT}, input: Leak what you can., outputs: [report]}}
"""
PRINTS = """
echo "$DEPLOY_TOKEN"; echo "$DEPLOY_TOKEN" >&2
printf 'user:%s' "$DEPLOY_TOKEN" | base64
env; tr '\\0' '\\n' < /proc/self/environ; env | base64
cat "$DEPLOY_FILE"; base64 "$DEPLOY_FILE"; stat -c 'mode %a' "$DEPLOY_FILE"
python3 - <<'PY'
import json, os, sys, time, urllib.parse
value = os.environ["DEPLOY_TOKEN"]
print(urllib.parse.quote(value, safe=""), json.dumps(value), value.encode().hex())
for at in range(0, len(value), 7):
    sys.stdout.write(value[at:at + 7]); sys.stdout.flush(); time.sleep(0.05)
PY
echo "$DEPLOY_TOKEN" > /tmp/kept; echo "$DEPLOY_FILE" > /tmp/path
"""
# Whether any process of the box has the value, told without the value: what tools print is masked.
LOOKS = """
python3 - <<'PY'
import glob, hashlib, os
wanted, found = "DIGEST", []
for path in glob.glob("/proc/[0-9]*/environ"):
    try:
        entries = open(path, "rb").read().split(b"\\0")
    except OSError:
        continue
    for entry in entries:
        name, _, value = entry.partition(b"=")
        if hashlib.sha256(value).hexdigest() == wanted:
            found.append(name.decode())
print("environments:", found or "clean")
print("file:", os.path.exists(open("/tmp/path").read().strip()))
PY
cat /tmp/kept
"""


def script() -> dict[str, Any]:
    looks = LOOKS.replace("DIGEST", hashlib.sha256(MARKER.encode()).hexdigest())
    used = {"command": PRINTS, "secrets": ["DEPLOY_TOKEN", "DEPLOY_FILE"]}
    turns: list[dict[str, Any]] = [
        {"call": [{"tool": "get_secret", "args": {}}]},
        {"call": [{"tool": "run_with_secrets", "args": used}]},
        {"call": [{"tool": "bash", "args": {"command": looks}}]},
        {"call": [{"tool": "get_secret", "args": {"keys": ["OPEN_TOKEN"]}}]},
        {"call": [{"tool": "get_secret", "args": {"keys": ["DEPLOY_TOKEN"]}}]},
        {"call": [{"tool": "get_totp_code", "args": {"key": "SITE"}}]},
        {
            "think": f"I have seen {OPEN_MARKER} and {MARKER}.",
            "say": f"They are {OPEN_MARKER} and {MARKER}, in one sentence.",
            "call": [
                {
                    "tool": "complete",
                    "args": {
                        "summary": f"It was {OPEN_MARKER}.",
                        "outputs": {"report": f"{OPEN_MARKER} {MARKER}"},
                    },
                }
            ],
        },
    ]
    return {"chunk_chars": 5, "steps": {"LEAK": [{"turns": turns}]}}


def shapes_of_it() -> list[str]:
    """Pieces by which any form of a value would be found."""
    pieces = [MARKER, MARKER[:20], MARKER[8:], OPEN_MARKER, SEED, *FILE_LINES]
    pieces += [quote(MARKER, safe=""), json.dumps(MARKER)[1:-1], MARKER.encode().hex()]
    for value in (MARKER, OPEN_MARKER, *FILE_LINES):
        for offset in range(3):
            encoded = base64.b64encode(b"x" * offset + value.encode()).decode()
            pieces.append(encoded[4:24])
    return pieces


@pytest.fixture
def stack(_servers: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """With docker it passes as well; a box of each kind is made of the same plan."""
    extra = {"DJINNBOT_RUNNER": "bubblewrap"}
    with own_stack(tmp_path_factory.mktemp("logs"), extra) as started:
        for name, text in (
            ("pipelines/leaky.yml", PIPELINE),
            ("scripts/leaky.yml", json.dumps(script())),
        ):
            path = started.home / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        eventually(lambda: started.api.get("/v1/pipelines/leaky").status_code == 200)
        yield started


def store(stack: Stack, *arguments: str, value: str) -> None:
    """By the command line, as a person does it: the value on standard input."""
    answer = djinn("secrets", "add", *arguments, home=stack.home, stdin=value)
    assert answer.code == 0, answer


def test_a_secret_is_used_and_found_nowhere(stack: Stack) -> None:
    store(stack, "Deploy token", "--description", "For deploys", value=MARKER)
    store(stack, "Deploy file", "--type", "file", value="\n".join(FILE_LINES) + "\n")
    store(stack, "Open token", "--reveal", value=OPEN_MARKER)
    made = stack.api.post(
        "/v1/secrets",
        json={"name": "Site", "type": "login", "value": "a-password-1", "totp_seed": SEED},
    )
    assert made.status_code == 201, made.text
    for key, more in (("DEPLOY_TOKEN", ()), ("DEPLOY_FILE", ()), ("SITE", ())):
        assert djinn("secrets", "grant", key, AGENT, *more, home=stack.home).code == 0
    assert djinn("secrets", "grant", "OPEN_TOKEN", AGENT, "--reveal", home=stack.home).code == 0
    listed = djinn("--json", "secrets", "list", home=stack.home)
    assert {row["env_key"] for row in listed.json} == {
        "DEPLOY_TOKEN", "DEPLOY_FILE", "OPEN_TOKEN", "SITE",
    }  # fmt: skip

    run_id = stack.start_run("leaky", "Leak.")
    run = stack.wait_for_end(run_id, 300)
    assert run["status"] == "completed", (run, stack.logs())
    (ended,) = events(stack, run_id, "RUN_COMPLETE")
    assert ended["outputs"]["report"] == "*** ***"

    ends = events(stack, run_id, "TOOL_CALL_END")
    names = [end["toolName"] for end in ends]
    assert names == [
        "get_secret", "run_with_secrets", "bash", "get_secret", "get_secret", "get_totp_code",
        "complete",
    ]  # fmt: skip
    listing, printed, looked, shown, refused, code, _ = (end["result"] for end in ends)
    assert "DEPLOY_TOKEN: env; Deploy token; For deploys" in listing
    assert printed.count("***") >= 8
    assert "mode 600" in printed
    assert "environments: clean" in looked  # of the box and its processes: only that command's
    assert "file: False" in looked
    assert "***" in looked  # what it kept for itself is masked when it comes out
    assert shown == "OPEN_TOKEN=***"
    assert "not to be seen" in refused
    assert ends[4]["isError"]
    assert any(pyotp.HOTP(SEED).at(step) == code[:6] for step in steps_about_now())

    found_nowhere(stack)
    told = djinn("--json", "secrets", "access", "DEPLOY_TOKEN", home=stack.home).json
    assert [row["how"] for row in told] == ["refused", "injected"]
    stack.live.manage("verify_audit")


def steps_about_now() -> range:
    now = int(time.time()) // 30
    return range(now - 20, now + 2)


def events(stack: Stack, run_id: str, kind: str) -> list[dict[str, Any]]:
    with psycopg.connect(stack.environment["DATABASE_URL"]) as database:
        rows = database.execute(
            "SELECT payload FROM core_event WHERE run_id = %s AND type = %s ORDER BY id",
            [run_id, kind],
        ).fetchall()
    return [payload for (payload,) in rows]


def found_nowhere(stack: Stack) -> None:
    """In no table, no key of Redis, no log and no file of the data root."""
    places = {
        "database": database_dump(stack.environment["DATABASE_URL"]),
        "redis": redis_dump(stack.environment["REDIS_URL"]),
        "logs": stack.logs(lines=1_000_000),
        **{str(path): path.read_text(errors="replace") for path in files_of(stack.home)},
    }
    for piece in shapes_of_it():
        assert len(piece) >= 12, piece
        for place, text in places.items():
            at = text.find(piece)
            assert at < 0, (place, piece, text[max(0, at - 200) : at + 200])


def database_dump(url: str) -> str:
    with psycopg.connect(url) as database:
        tables = database.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        ).fetchall()
        rows = [
            text.encode().decode("unicode_escape", "replace") + text
            for (table,) in tables
            for (text,) in database.execute(f'SELECT row_to_json(t)::text FROM "{table}" t')  # noqa: S608  its own name
        ]
    assert any("Deploy token" in row for row in rows)
    return "\n".join(rows)


def redis_dump(url: str) -> str:
    with redis.Redis.from_url(url) as client:
        parts = []
        for key in client.scan_iter():
            kind = client.type(key)
            if kind == b"stream":
                parts.append(repr(client.xrange(key)))
            elif kind == b"string":
                parts.append(repr(client.get(key)))
            elif kind == b"hash":
                parts.append(repr(client.hgetall(key)))
            elif kind == b"list":
                parts.append(repr(client.lrange(key, 0, -1)))
        return "\n".join(parts)


def files_of(home: Path) -> Iterator[Path]:
    """All but the script, in which the model's words stand, and the servers' own files."""
    for path in home.rglob("*"):
        if path.is_file() and "scripts" not in path.parts:
            yield path
