"""The test suite: real PostgreSQL and Valkey, private to one pytest process.

Only addresses are chosen here; `tests/conftest.py` starts the servers behind them. With
DATABASE_URL and REDIS_URL in the environment the tests use those servers instead.
"""

import os
from pathlib import Path

_ROOT = os.environ.setdefault("DJINNBOT_TEST_ROOT", f"/tmp/djinnbot-test-{os.getpid()}")  # noqa: S108  short, for sockets; checked when made
_HOME = Path(_ROOT) / os.environ.get("PYTEST_XDIST_WORKER", "main")

if "DATABASE_URL" not in os.environ or os.environ.get("DJINNBOT_TEST_SERVERS") == "private":
    os.environ["DJINNBOT_TEST_SERVERS"] = "private"
    os.environ["DATABASE_URL"] = f"postgres://postgres@/djinnbot?host={_HOME}/run/postgres"
    os.environ["REDIS_URL"] = f"unix://:for-tests-only@{_HOME}/run/redis/valkey.sock?db=0"
    os.environ["DJINNBOT_HOME"] = str(_HOME)
os.environ.setdefault("SECRET_KEY", "only-for-tests-" + "x" * 40)
os.environ.setdefault("SECRET_ENCRYPTION_KEY", "5e" * 32)
os.environ.setdefault("DATABASE_POOL_SIZE", "4")
os.environ.setdefault("DJINNBOT_RUNTIME_DIR", f"{_HOME}/s")  # goes with the servers
os.environ.setdefault("DJINNBOT_RATE_LIMITS", "false")  # a test calls as often as it likes

from djinnbot.settings.base import *  # noqa: E402, F403  after the environment is set

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
