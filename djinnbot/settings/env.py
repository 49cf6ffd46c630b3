"""Typed reading of the environment. `NAME_FILE` names a file that holds the value of a secret."""

import os
from pathlib import Path

import environ

env = environ.FileAwareEnv()


def home() -> Path:
    """The data root of this install: databases, workspaces, overrides of the built-in libraries."""
    return Path(os.environ.get("DJINNBOT_HOME", "~/.djinnbot")).expanduser().resolve()
