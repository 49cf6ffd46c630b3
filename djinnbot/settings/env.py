"""Typed reading of the environment. `NAME_FILE` names a file that holds the value of a secret."""

import os
import secrets
from collections.abc import Callable
from pathlib import Path

import environ

env = environ.FileAwareEnv()


def home() -> Path:
    """The data root of this install: databases, workspaces, overrides of the built-in libraries."""
    return Path(os.environ.get("DJINNBOT_HOME", "~/.djinnbot")).expanduser().resolve()


def secret_key(home: Path) -> str:
    """`SECRET_KEY`, else the one kept in the data root, which is made at the first start."""
    given: str = env.str("SECRET_KEY", default="")
    return given or kept(home / "secret_key", lambda: secrets.token_urlsafe(48))


def encryption_keys(home: Path) -> list[str]:
    """`SECRET_ENCRYPTION_KEY`, keys of 64 hex digits with commas between, the sealing one first;
    else the lines of the file in the data root, which is made at the first start."""
    given: str = env.str("SECRET_ENCRYPTION_KEY", default="")
    if given:
        return [key.strip() for key in given.split(",") if key.strip()]
    return kept(home / "encryption_keys", lambda: secrets.token_hex(32)).split()


def jwt_key(home: Path) -> str:
    """`JWT_PRIVATE_KEY` as PEM, else the RSA key kept in the data root. It signs the tokens of
    programs that sign in with a password."""
    given: str = env.str("JWT_PRIVATE_KEY", default="")
    return given or kept(home / "jwt_key.pem", _new_rsa_key)


def _new_rsa_key() -> str:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def kept(path: Path, make: Callable[[], str]) -> str:
    """What a private file of the data root holds; what `make` gives when there is none yet.

    Two processes that start at once agree: the first to place the file wins, and both read it.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        draft.touch(mode=0o600)
        draft.write_text(make())
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text().strip()
