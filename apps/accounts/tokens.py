"""Random tokens and their hashes. They carry 256 bits, so a plain SHA-256 cannot be reversed."""

import hashlib
import secrets


def new_token(prefix: str = "") -> str:
    return prefix + secrets.token_urlsafe(32)


def digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
