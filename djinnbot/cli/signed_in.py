"""The keys that `djinn login` was given, by address: `auth.json` of the home, its user's alone."""

import contextlib
import json
import os
import secrets
from pathlib import Path

from djinnbot.cli.errors import CliError, Exit
from djinnbot.cli.platform.config import platform_home


def kept_key(url: str) -> str:
    """The key for an address; "" when nobody signed in there from here."""
    return _read().get(url.rstrip("/"), "")


def keep_key(url: str, key: str) -> None:
    _write({**_read(), url.rstrip("/"): key})


def forget_key(url: str) -> None:
    kept = _read()
    if kept.pop(url.rstrip("/"), None) is not None:
        _write(kept)


def _path() -> Path:
    return platform_home() / "auth.json"


def _read() -> dict[str, str]:
    try:
        found = json.loads(_path().read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError):
        raise CliError(
            f"{_path()} cannot be read. Delete it and sign in again.", Exit.NOT_SIGNED_IN
        ) from None
    return {str(url): str(key) for url, key in found.items()} if isinstance(found, dict) else {}


def _write(kept: dict[str, str]) -> None:
    """Whole or not at all, and never readable by others, not even for a moment."""
    path = _path()
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            json.dump(kept, file, indent=2)
        draft.rename(path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            draft.unlink()
