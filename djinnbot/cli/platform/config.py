"""What one start of the platform needs to know, from the environment and the options of `up`."""

import os
import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from djinnbot.cli.errors import CliError, Exit
from djinnbot.embedded.layout import Layout, layout_of
from djinnbot.embedded.postgres import Postgres
from djinnbot.embedded.valkey import Valkey

SOURCE_ROOT = Path(__file__).resolve().parents[3]
_DATABASE_SCHEMES = {"postgres", "postgresql"}
_REDIS_SCHEMES = {"redis", "rediss", "unix"}
_SECRETS = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY")


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """One install: its home, its addresses, and whether it brings its own servers."""

    layout: Layout
    host: str
    port: int
    database_url: str
    redis_url: str
    embedded_postgres: bool
    embedded_redis: bool
    environment: Mapping[str, str]

    @property
    def home(self) -> Path:
        return self.layout.home

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        reachable = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}.get(host, host)  # noqa: S104
        return f"http://{reachable}:{self.port}"

    @property
    def logs(self) -> Path:
        return self.home / "logs"

    @property
    def run_dir(self) -> Path:
        """Files of the running platform: configuration, pid file, control socket."""
        return self.layout.sockets

    @property
    def control_socket(self) -> Path:
        return self.run_dir / "supervisor.sock"

    def program_environment(self) -> dict[str, str]:
        """The environment of every process of the platform."""
        return {
            **self.environment,
            "DJINNBOT_HOME": str(self.home),
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.redis_url,
            "DJINNBOT_URL": self.environment.get("DJINNBOT_URL", self.url),
            "DJINNBOT_API_SOCKET": str(self.layout.api_socket),
            "DJINNBOT_EGRESS_SOCKET": str(self.layout.egress_socket),
            "BIND_HOST": self.host,
            "DJANGO_SETTINGS_MODULE": self.environment.get(
                "DJANGO_SETTINGS_MODULE", "djinnbot.settings.local"
            ),
            "PYTHONPATH": os.pathsep.join(
                part for part in (str(SOURCE_ROOT), self.environment.get("PYTHONPATH", "")) if part
            ),
            "PYTHONUNBUFFERED": "1",
            "PATH": os.pathsep.join(
                (str(Path(sys.executable).parent), self.environment.get("PATH", os.defpath))
            ),
        }


def platform_home(environment: Mapping[str, str] | None = None) -> Path:
    environment = os.environ if environment is None else environment
    return Path(environment.get("DJINNBOT_HOME") or "~/.djinnbot").expanduser().resolve()


def platform_of(
    *, host: str = "127.0.0.1", port: int = 8000, environment: Mapping[str, str] | None = None
) -> Platform:
    """The platform of DJINNBOT_HOME. Raises CliError on an address that cannot be one."""
    given = dict(os.environ if environment is None else environment)
    layout = layout_of(platform_home(given))
    database_url = _value(given, "DATABASE_URL")
    redis_url = _value(given, "REDIS_URL")
    _check_scheme("DATABASE_URL", database_url, _DATABASE_SCHEMES, "postgres://user@host/database")
    _check_scheme("REDIS_URL", redis_url, _REDIS_SCHEMES, "redis://host:6379/0")
    environment = {name: value for name, value in given.items() if name not in _SECRETS}
    for name in ("DATABASE_URL", "REDIS_URL"):
        environment.pop(f"{name}_FILE", None)
    environment.update(_secret_key(given, layout))
    return Platform(
        layout=layout,
        host=host,
        port=port,
        database_url=database_url or Postgres.of(layout).url(),
        redis_url=redis_url or Valkey.of(layout).url(),
        embedded_postgres=not database_url,
        embedded_redis=not redis_url,
        environment=environment,
    )


def _value(environment: Mapping[str, str], name: str) -> str:
    """A setting, or the content of the file that `NAME_FILE` names."""
    if value := environment.get(name, "").strip():
        return value
    if not (path := environment.get(f"{name}_FILE", "")):
        return ""
    try:
        return Path(path).read_text().strip()
    except OSError as exc:
        raise CliError(f"{name}_FILE names {path}, which cannot be read: {exc.strerror}.") from exc


def _check_scheme(name: str, url: str, schemes: set[str], example: str) -> None:
    if url and urlsplit(url).scheme not in schemes:
        raise CliError(
            f"{name} is not an address this platform can use. It must look like {example}. Unset "
            "it to let DjinnBot start its own server.",
            Exit.USAGE,
        )


def _secret_key(given: Mapping[str, str], layout: Layout) -> dict[str, str]:
    """Signs sessions; made once an install and kept in a file only the owner can read."""
    if given.get("SECRET_KEY"):
        return {"SECRET_KEY": given["SECRET_KEY"]}
    if given.get("SECRET_KEY_FILE"):
        return {}
    path = layout.home / "secret_key"
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        pass
    else:
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(50))
    return {"SECRET_KEY_FILE": str(path)}
