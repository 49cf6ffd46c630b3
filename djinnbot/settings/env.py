"""Typed reading of the environment. `NAME_FILE` names a file that holds the value of a secret."""

import os
import secrets
from pathlib import Path

import environ

env = environ.FileAwareEnv()


def home() -> Path:
    """The data root of this install: databases, workspaces, overrides of the built-in libraries."""
    return Path(os.environ.get("DJINNBOT_HOME", "~/.djinnbot")).expanduser().resolve()


def secret_key(home: Path) -> str:
    """`SECRET_KEY`, else the one kept in the data root, which is made at the first start.

    Two processes that start at once agree: the first to place the file wins, and both read it.
    """
    given: str = env.str("SECRET_KEY", default="")
    if given:
        return given
    path = home / "secret_key"
    if not path.exists():
        home.mkdir(parents=True, exist_ok=True)
        draft = home / f"secret_key.{os.getpid()}"
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(48))
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text().strip()
