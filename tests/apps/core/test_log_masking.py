"""What this process knows to be secret does not show in its own log lines."""

import json
import logging
import os
import subprocess
import sys
import urllib.parse
from pathlib import Path

import pytest
from django.conf import settings

from apps.core import log_masking
from apps.core.crypto import seal, unseal
from apps.core.log_masking import MaskedFormatter, line_masked, secrets_known

OPENED = "sk-live/opened+here-4711=="


@pytest.fixture(autouse=True)
def _own_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_masking, "_known", log_masking._Known())


def test_what_was_opened_is_masked_in_any_form() -> None:
    sealed = seal(OPENED, place="a/1/b")
    log_masking._known = log_masking._Known()  # as in another process
    assert OPENED in line_masked(f"refused: {OPENED}")
    assert unseal(sealed, place="a/1/b") == OPENED
    for form in (OPENED, urllib.parse.quote(OPENED, safe=""), json.dumps(OPENED)[1:-1]):
        assert line_masked(f"refused: {form}!") == "refused: ***!"


def test_settings_are_known_from_the_first_line() -> None:
    line = f"{settings.SECRET_KEY} {settings.ENCRYPTION_KEYS[0]}"
    assert line_masked(line) == "*** ***"


@pytest.mark.parametrize(
    ("line", "masked"),
    [
        (f"Bearer djb_abcd1234.{'x' * 40}", "Bearer djb_abcd1234.***"),
        (f"key=djb_agent_abcd1234.{'x' * 40}", "key=djb_agent_abcd1234.***"),
        (f"dst_{'y' * 43}, and", "***, and"),
        ("eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ1c3IifQ.c2lnbmF0dXJl-_x", "***"),
        (
            "GET /v1/events/stream?ticket=abc-def&topic=x",
            "GET /v1/events/stream?ticket=***&topic=x",
        ),
        (f"Gone: /login/{'z' * 43}/", "Gone: /login/***/"),
        ("at redis://:hunter2@127.0.0.1:6379/0", "at redis://:***@127.0.0.1:6379/0"),
        ("git clone https://ada:pat@github.com/a/b", "git clone https://ada:***@github.com/a/b"),
    ],
)
def test_tokens_are_known_by_their_form(line: str, masked: str) -> None:
    assert line_masked(line) == masked


@pytest.mark.parametrize(
    "line",
    ["run run_01K3 of usr_01K3 at https://example.org:8000/a?page=2", "dst_short", "djb_abcd1234"],
)
def test_other_lines_stay(line: str) -> None:
    assert line_masked(line) == line


def test_memory_is_bounded_and_keeps_the_latest() -> None:
    for number in range(log_masking._KEPT + 50):
        secrets_known(f"value-{number:06}")
    assert line_masked("value-000000") == "value-000000"
    assert line_masked(f"value-{log_masking._KEPT + 49:06}") == "***"


def test_traces_are_masked_too() -> None:
    secrets_known(OPENED)
    formatter = MaskedFormatter(logging.Formatter("%(message)s"))
    try:
        raise ValueError(f"{OPENED} will not do")
    except ValueError:
        record = logging.LogRecord("x", 40, "x", 1, "Failed: %s", (OPENED,), sys.exc_info())
    text = formatter.format(record)
    assert OPENED not in text
    assert "ValueError: *** will not do" in text


PROGRAM = """
import logging, os, sys
import django
from djinnbot.celery import app
django.setup()
if sys.argv[1] == "celery":
    app.log.setup(loglevel="INFO")
import structlog
from apps.core.log_masking import secrets_known
secrets_known(os.environ["OPENED"])
structlog.get_logger("a").warning("told by us", value=os.environ["OPENED"])
logging.getLogger("library").warning("told by a library: %s", os.environ["OPENED"])
"""


@pytest.mark.parametrize("process", ["web", "celery"])
def test_real_processes_mask_their_lines(process: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, process],
        env={**os.environ, "DJINNBOT_HOME": str(tmp_path), "OPENED": OPENED},
        capture_output=True, text=True, check=True, timeout=120, cwd=settings.BASE_DIR,
    )  # fmt: skip
    assert "told by us" in done.stderr
    assert "told by a library: ***" in done.stderr
    assert OPENED not in done.stderr + done.stdout
