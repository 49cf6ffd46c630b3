"""One world for the chaos tests of a process; the workers of each test are its own."""

from collections.abc import Iterator

import pytest

from tests.chaos.history import violations
from tests.chaos.world import World, chaos_world


@pytest.fixture(scope="package")
def shared_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with chaos_world(tmp_path_factory.mktemp("chaos")) as world:
        yield world


@pytest.fixture
def world(shared_world: World) -> Iterator[World]:
    """No agents worker runs at the start. At the end all invariants hold, whatever the test did."""
    for server in (shared_world.postgres, shared_world.valkey, shared_world["web"]):
        if not server.is_alive:
            server.start()
    if not shared_world["beat"].is_alive:
        shared_world["beat"].start()
    (shared_world.home / "executed.jsonl").unlink(missing_ok=True)
    shared_world.accepted.clear()
    yield shared_world
    shared_world.end_workers()
    assert violations(shared_world) == []
