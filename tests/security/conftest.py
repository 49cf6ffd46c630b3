"""A world of three people, and callers of every kind that look at it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db import transaction
from pytest_django import Settings

from tests.security.world import World, make_world


@pytest.fixture
def own_home(settings: Settings, tmp_path: Path) -> Path:
    """What the platform writes to disk goes into a directory of this test."""
    root = tmp_path / "home"
    settings.DATA_ROOT = root
    for name in ("AGENTS_DIR", "PIPELINES_DIR", "LLM_CASSETTE_DIR", "LLM_RECORDINGS_DIR"):
        directory = root / name.lower()
        directory.mkdir(parents=True)
        setattr(settings, name, directory)
    settings.LOCAL_REPOSITORY_ROOTS = [str(tmp_path / "repositories")]
    return root


@pytest.fixture
def world(db: None, redis_client: object, own_home: Path, tmp_path: Path) -> World:
    """Gone with the test's transaction."""
    return make_world(tmp_path / "repositories")


@pytest.fixture
def committed_world(
    transactional_db: None, redis_client: object, own_home: Path, tmp_path: Path
) -> World:
    """For threads, streams and sockets, which have connections of their own."""
    return make_world(tmp_path / "repositories")


Headers = dict[str, str]
HeadersOf = Callable[[World], Headers]

CALLERS: dict[str, HeadersOf] = {
    "anonymous": lambda world: {},
    "viewer": lambda world: bearer(world["vic"].key),
    "member": lambda world: bearer(world["bob"].key),
    "admin": lambda world: bearer(world["root"].key),
    "agent": lambda world: bearer(world["ada"].session_token),
}
# Whose things each of them may see.
SEES = {"anonymous": (), "viewer": ("vic",), "member": ("bob",), "agent": ("ada",)}


def bearer(token: str) -> Headers:
    return {"Authorization": f"Bearer {token}"}


def forbidden_to(caller: str, world: World) -> frozenset[str]:
    """What this caller must not meet in any answer."""
    if caller == "admin":
        return frozenset()
    others = [p for name, p in world.people.items() if name not in SEES[caller]]
    return frozenset().union(*(person.private for person in others))


@contextmanager
def undone() -> Iterator[None]:
    """The next call finds the world as it was."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
