"""PostgreSQL refuses to run as root, so root runs it as a system user of its own."""

import datetime as dt
import hashlib
import os
import pwd
import shutil
import subprocess
from pathlib import Path

from djinnbot.embedded.errors import EmbeddedError

SYSTEM_USER = "djinnbot-db"
SYSTEM_ROOT = Path("/var/lib/djinnbot")


def database_account() -> pwd.struct_passwd | None:
    """The user that PostgreSQL runs as, made when missing; None when this process is not root."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        return _create_account()


def _create_account() -> pwd.struct_passwd:
    command = ["useradd", "--system", "--no-create-home", "--home-dir", str(SYSTEM_ROOT)]
    try:
        subprocess.run(
            [*command, "--shell", "/usr/sbin/nologin", SYSTEM_USER], check=True, capture_output=True
        )
    except FileNotFoundError as exc:
        raise EmbeddedError(
            "PostgreSQL does not run as root and `useradd` is missing. Run DjinnBot as an "
            "ordinary user, or set DATABASE_URL to a PostgreSQL server."
        ) from exc
    except subprocess.CalledProcessError as exc:
        try:  # another process was first
            return pwd.getpwnam(SYSTEM_USER)
        except KeyError:
            raise EmbeddedError(
                f"Cannot create the system user {SYSTEM_USER}, which PostgreSQL needs when "
                f"started by root: {exc.stderr.decode(errors='replace').strip()}. Run DjinnBot "
                "as an ordinary user, or set DATABASE_URL to a PostgreSQL server."
            ) from exc
    return pwd.getpwnam(SYSTEM_USER)


def others_can_reach(path: Path) -> bool:
    """Whether any user may walk down to `path` (its own mode does not count)."""
    return all(parent.stat().st_mode & 0o001 for parent in path.resolve().parents)


def place_for(wanted: Path, account: pwd.struct_passwd | None) -> Path:
    """The path that stands for `wanted` and that the account can reach; it may not exist yet.

    A private home stays private: when the account cannot walk into it, the data lives under
    `/var/lib/djinnbot/<key>` and `wanted` is a link to it, which also fixes the choice for ever.
    """
    if wanted.is_symlink():
        return _linked(wanted)
    if account is None or wanted.exists() or others_can_reach(wanted):
        return wanted
    key = hashlib.sha256(str(wanted).encode()).hexdigest()[:10]
    parent = _system_directory() / key
    parent.mkdir(mode=0o711, exist_ok=True)
    _make_room(parent / wanted.name)
    wanted.symlink_to(parent / wanted.name)
    return parent / wanted.name


def _linked(link: Path) -> Path:
    target = link.readlink()
    if not target.parent.exists():
        raise EmbeddedError(
            f"{link} points to {target}, which is gone. Put it back (is a disk not mounted?), or "
            f"remove {link} to start with empty data."
        )
    return target


def _make_room(leftover: Path) -> None:
    """Keep, under another name, data of an earlier home of the same path."""
    if leftover.exists():
        stamp = dt.datetime.now(tz=dt.UTC).strftime("%Y%m%d%H%M%S")
        leftover.rename(leftover.with_name(f"{leftover.name}.{stamp}"))


def reachable_copy(source: Path, parts: tuple[str, ...], name: str) -> Path:
    """`source` itself when every user can read it there, else a copy of its `parts`.

    The copy is made once, under `/var/lib/djinnbot/<name>`: opening the path to a private
    environment would be worse than 40 MB of disk.
    """
    if others_can_reach(source / parts[0] / "_"):
        return source
    copy = _system_directory() / name
    if not copy.exists():
        partial = copy.with_name(f"{name}.{os.getpid()}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        for part in parts:
            shutil.copytree(source / part, partial / part, symlinks=True)
        partial.chmod(0o755)
        try:
            partial.rename(copy)
        except OSError:  # another process was first
            shutil.rmtree(partial, ignore_errors=True)
    return copy


def _system_directory() -> Path:
    SYSTEM_ROOT.mkdir(mode=0o711, parents=True, exist_ok=True)
    SYSTEM_ROOT.chmod(0o711)
    return SYSTEM_ROOT
