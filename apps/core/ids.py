"""Ids: a short prefix that names the kind, then a sortable or a short random part."""

import secrets

from ulid import ULID


def new_id(prefix: str) -> str:
    """A sortable id such as `ses_01jd…`."""
    return f"{prefix}_{str(ULID()).lower()}"


def new_run_id() -> str:
    """`run_` and 12 hex digits: short enough for a branch name and a terminal line."""
    return f"run_{secrets.token_hex(6)}"
