"""A start with settings that leave a door open is refused, and says which."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from pytest_django import Settings

from apps.core.safety import settings_are_safe

GOOD_KEY = "Zk3-" + "vQ8xR1mT" * 6
SAFE = {
    "DJANGO_SETTINGS_MODULE": "djinnbot.settings.production",
    "DATABASE_URL": "postgres://nobody@127.0.0.1:1/nothing",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "SECRET_KEY": GOOD_KEY + GOOD_KEY,
    "SECRET_ENCRYPTION_KEY": "0123456789abcdef" * 4,
    "ALLOWED_HOSTS": "djinnbot.example.org",
    "CSRF_TRUSTED_ORIGINS": "https://djinnbot.example.org",
    "BIND_HOST": "0.0.0.0",
}


def python(
    home: Path, *args: str, without: str = "", **changed: str
) -> subprocess.CompletedProcess[str]:
    environment = {
        **{"PATH": os.environ["PATH"], "DJINNBOT_HOME": str(home)},
        **{name: value for name, value in SAFE.items() if name != without},
        **changed,
    }
    return subprocess.run(
        [sys.executable, *args],
        env=environment, capture_output=True, text=True, check=False, timeout=120,
        cwd=django_settings.BASE_DIR,
    )  # fmt: skip


@pytest.mark.parametrize("name", ["SECRET_KEY", "SECRET_ENCRYPTION_KEY"])
def test_a_server_makes_no_key_of_its_own(tmp_path: Path, name: str) -> None:
    done = python(tmp_path, "-c", "import djinnbot.settings.production", without=name)
    assert done.returncode != 0
    assert f"Set {name} (or {name}_FILE)" in done.stderr
    assert not list(tmp_path.iterdir())


UNSAFE = {
    "SECRET_KEY": "short",
    "SECRET_ENCRYPTION_KEY": "0" * 64,
    "ALLOWED_HOSTS": "*",
    "CSRF_TRUSTED_ORIGINS": "https://*.example.org",
    "AUTH_ENABLED": "false",
}
REFUSED = {"djinnbot.E001", "djinnbot.E002", "djinnbot.E003", "djinnbot.E005", "djinnbot.E006"}
WEB = ("-c", "import djinnbot.asgi")
THREADED_WEB = ("-c", "import djinnbot.wsgi")
WORKER = ("-m", "celery", "-A", "djinnbot", "worker", "-P", "solo", "-Q", "control")
BEAT = ("-m", "celery", "-A", "djinnbot", "beat", "-S", "celery.beat.Scheduler", "-s", "/dev/null")


PROGRAMS = {"asgi": WEB, "wsgi": THREADED_WEB, "worker": WORKER, "beat": BEAT}


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_no_process_starts_with_unsafe_settings(tmp_path: Path, program: tuple[str, ...]) -> None:
    done = python(tmp_path, *program, **UNSAFE)
    assert done.returncode != 0
    assert "This start is refused" in done.stderr
    assert {code for code in REFUSED if code in done.stderr} == REFUSED
    assert "0" * 64 not in done.stderr, "no key in a message"


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({}, ""),
        ({"SECRET_KEY": "short"}, "djinnbot.E002"),
        ({"SECRET_KEY": "x" * 31}, "djinnbot.E002"),
        ({"SECRET_KEY": "ab" * 40}, "djinnbot.E002"),
        ({"ENCRYPTION_KEYS": []}, "djinnbot.E003"),
        ({"ENCRYPTION_KEYS": ["12" * 31]}, "djinnbot.E003"),
        ({"ENCRYPTION_KEYS": ["12" * 32, "no hex"]}, "djinnbot.E003"),
        ({"ENCRYPTION_KEYS": ["0" * 64]}, "djinnbot.E003"),
        ({"DEBUG": True, "BIND_HOST": "0.0.0.0"}, "djinnbot.E004"),
        ({"DEBUG": True, "BIND_HOST": "djinn.example.org"}, "djinnbot.E004"),
        ({"DEBUG": True, "BIND_HOST": "127.0.0.1"}, ""),
        ({"DEBUG": True, "BIND_HOST": "[::1]"}, ""),
        ({"ALLOWED_HOSTS": ["*"]}, "djinnbot.E005"),
        ({"ALLOWED_HOSTS": ["a.example.org", " * "]}, "djinnbot.E005"),
        ({"ALLOWED_HOSTS": [".example.org"]}, ""),
        ({"CSRF_TRUSTED_ORIGINS": ["https://*"]}, "djinnbot.E006"),
        ({"CSRF_TRUSTED_ORIGINS": ["http://djinn.example.org"]}, "djinnbot.E006"),
        ({"CSRF_TRUSTED_ORIGINS": ["http://localhost:5173", "https://a.example.org"]}, ""),
        ({"CSRF_TRUSTED_ORIGINS": ["http://127.0.0.1:8000", "http://localhost"]}, ""),
    ],
)
def test_each_rule(settings: Settings, changed: dict[str, Any], code: str) -> None:
    safe = {"SECRET_KEY": GOOD_KEY, "ENCRYPTION_KEYS": ["12" * 32], "DEBUG": False}
    for name, value in {**safe, "ALLOWED_HOSTS": ["a.example.org"], **changed}.items():
        setattr(settings, name, value)
    assert [message.id for message in settings_are_safe(None)] == ([code] if code else [])


def test_production_settings_of_browsers(tmp_path: Path) -> None:
    names = (
        "SESSION_COOKIE_SECURE CSRF_COOKIE_SECURE SESSION_COOKIE_HTTPONLY SECURE_SSL_REDIRECT"
        " SECURE_HSTS_SECONDS SESSION_COOKIE_SAMESITE CSRF_COOKIE_SAMESITE DEBUG"
    )
    told = f"print([getattr(production, name, 0) for name in {names.split()}])"
    code = f"from djinnbot.settings import production; {told}"
    done = python(tmp_path, "-c", code)
    assert done.stdout.strip() == "[True, True, True, True, 31536000, 'Lax', 'Lax', False]"
