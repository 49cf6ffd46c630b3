"""Where an install keeps its sockets and server data."""

import hashlib
import os
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from djinnbot.embedded.account import others_can_reach
from djinnbot.embedded.errors import EmbeddedError

RUNTIME_DIR = "DJINNBOT_RUNTIME_DIR"  # where sockets go that do not fit into the home
# A Unix socket address holds 107 bytes; `/postgres/.s.PGSQL.5432.lock` and its kind need the rest.
_LONGEST_SOCKET_ROOT = 70


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Two homes never share a path, so two installs run at once."""

    home: Path
    sockets: Path

    @property
    def postgres_socket_dir(self) -> Path:
        return self.sockets / "postgres"

    @property
    def redis_socket_dir(self) -> Path:
        """Mounted into boxes: nothing but the Valkey socket may stand here."""
        return self.sockets / "redis"

    @property
    def api_socket_dir(self) -> Path:
        """Mounted into boxes: nothing but the API socket may stand here."""
        return self.sockets / "api"

    @property
    def egress_socket_dir(self) -> Path:
        """Mounted into boxes: nothing but the egress proxy's socket may stand here."""
        return self.sockets / "egress"

    @property
    def redis_socket(self) -> Path:
        return self.redis_socket_dir / "valkey.sock"

    @property
    def api_socket(self) -> Path:
        return self.api_socket_dir / "api.sock"

    @property
    def egress_socket(self) -> Path:
        return self.egress_socket_dir / "egress.sock"

    @property
    def postgres_data(self) -> Path:
        return self.home / "postgres"

    @property
    def valkey_data(self) -> Path:
        return self.home / "valkey"


def layout_of(home: Path) -> Layout:
    """The layout of a home, its directories made."""
    home = home.expanduser().resolve()
    _make_home(home)
    sockets = _sockets_of(home)
    layout = Layout(home=home, sockets=sockets)
    sockets.mkdir(mode=0o711, exist_ok=True)
    for directory in (layout.redis_socket_dir, layout.api_socket_dir, layout.egress_socket_dir):
        directory.mkdir(mode=0o711, exist_ok=True)
    return layout


def _make_home(home: Path) -> None:
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
    except FileExistsError as exc:
        raise EmbeddedError(
            f"{home} is a file, but DJINNBOT_HOME must be a directory. Move the file away or set "
            "DJINNBOT_HOME to another path."
        ) from exc
    except OSError as exc:
        raise EmbeddedError(
            f"Cannot create the data directory {home}: {exc.strerror}. Set DJINNBOT_HOME to a "
            "directory you may write to."
        ) from exc
    if not os.access(home, os.W_OK | os.X_OK):
        raise EmbeddedError(
            f"Cannot write to the data directory {home}. Change its owner or set DJINNBOT_HOME to "
            "a directory you may write to."
        )


def _sockets_of(home: Path) -> Path:
    """`run` in the home, unless its path is too long or the database's account cannot reach it."""
    if len(str(home / "run").encode()) > _LONGEST_SOCKET_ROOT:
        return _short_directory(home)
    if os.geteuid() == 0 and not others_can_reach(home / "run"):
        return _short_directory(home)
    return home / "run"


def _short_directory(home: Path) -> Path:
    name = hashlib.sha256(str(home).encode()).hexdigest()[:10]
    root = Path(os.environ.get(RUNTIME_DIR) or tempfile.gettempdir())
    root.mkdir(mode=0o711, parents=True, exist_ok=True)
    directory = root / f"djinnbot-{os.geteuid()}-{name}"
    directory.mkdir(mode=0o711, exist_ok=True)
    found = directory.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise EmbeddedError(
            f"{directory} belongs to somebody else. Remove it, or set DJINNBOT_HOME to a shorter "
            "path so that sockets fit into it."
        )
    directory.chmod(0o711)
    return directory
