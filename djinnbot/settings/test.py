"""The test suite: real PostgreSQL and Redis, started by `tests/conftest.py`."""

import os

os.environ.setdefault("SECRET_KEY", "only-for-tests-" + "x" * 40)
os.environ.setdefault("DATABASE_URL", "postgres://postgres@127.0.0.1:1/djinnbot")
os.environ.setdefault("REDIS_URL", "redis://127.0.0.1:1/0")

from djinnbot.settings.base import *  # noqa: E402, F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
