"""Preparing the instance before its processes start, and knowing when that was done already."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

from djinnbot.cli.errors import CliError
from djinnbot.cli.platform.config import SOURCE_ROOT, Platform
from djinnbot.cli.platform.logs import last_lines
from djinnbot.cli.platform.supervision import log_file

_SOURCES = ("apps", "djinnbot/settings", "requirements/base.txt")
_UNCODED = {"__pycache__", "static", "templates"}


def set_up(platform: Platform) -> bool:
    """Migrations, owner, keys, built-in libraries; False when nothing has changed since the last.

    What it depends on is the code, the database and the home: the stamp covers all three.
    """
    stamp = _Stamp(platform)
    if stamp.is_current():
        return False
    _run(platform)
    stamp.write()
    return True


def _run(platform: Platform) -> None:
    log = log_file(platform, "setup")
    with log.open("wb") as output:
        done = subprocess.run(
            [sys.executable, str(SOURCE_ROOT / "manage.py"), "setup_instance"],
            cwd=SOURCE_ROOT,
            env=platform.program_environment(),
            stdout=output,
            stderr=output,
            check=False,
        )
    if done.returncode != 0:
        reason = next(iter(last_lines(log, 1)), "it gave no reason").strip().rstrip(".")
        raise CliError(
            f"The instance could not be prepared: {reason}. The whole message is in {log}."
        )


class _Stamp:
    """What the last preparation saw: `{"files": sha256, "url": …, "migrations": count}`."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.path = platform.home / "prepared.json"

    def is_current(self) -> bool:
        try:
            same = bool(json.loads(self.path.read_text()) == self._now())
        except (OSError, ValueError):
            return False
        return same and (self.platform.home / "credentials.json").exists()

    def write(self) -> None:
        self.path.write_text(json.dumps(self._now()))

    def _now(self) -> dict[str, object]:
        return {
            "files": _fingerprint([*_sources(), *_libraries(self.platform)]),
            "url": self.platform.url,
            "migrations": _applied_migrations(self.platform.database_url),
        }


def _sources() -> list[Path]:
    return [SOURCE_ROOT / source for source in _SOURCES]


def _libraries(platform: Platform) -> list[Path]:
    """What a person may have changed while nothing was running."""
    given = platform.environment.get
    return [
        Path(given("PIPELINES_DIR") or platform.home / "pipelines"),
        Path(given("AGENTS_DIR") or platform.home / "agents"),
    ]


def _fingerprint(sources: list[Path]) -> str:
    """Changes with any file that setting up reads, by name, size and time."""
    digest = hashlib.sha256()
    for source in sources:
        for path in _files(source):
            found = path.stat()
            digest.update(f"{path}\0{found.st_size}\0{found.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _files(source: Path) -> list[Path]:
    if source.is_file():
        return [source]
    found = (path for path in source.rglob("*") if not _UNCODED & set(path.parts))
    return sorted(path for path in found if path.is_file())


def _applied_migrations(database_url: str) -> int:
    """How many migrations this database has: another or an emptied one is noticed."""
    import psycopg

    try:
        with psycopg.connect(database_url) as connection:
            row = connection.execute("SELECT count(*) FROM django_migrations").fetchone()
    except psycopg.Error:
        return 0
    return 0 if row is None else int(row[0])
