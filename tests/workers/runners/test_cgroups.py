"""Limits as the kernel takes them, in a tree of the second version. The kernel of a machine has one
version; the other one's files are plain files here."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from workers.runners import cgroups
from workers.runners.base import Limits
from workers.runners.cgroups import cgroup_create, cgroups_unavailable


@pytest.fixture
def second_version(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "cgroup.controllers").write_text("cpu memory pids\n")
    monkeypatch.setattr(cgroups, "_ROOT", tmp_path)
    cgroups._bases.cache_clear()
    yield tmp_path
    cgroups._bases.cache_clear()


def test_limits_are_written_and_their_hits_read(second_version: Path) -> None:
    group = cgroup_create("box", Limits(memory_mb=64, cpus=0.5, pids=20))
    assert group is not None
    (place,) = group.directories
    assert place == second_version / "djinnbot" / "djinnbot-box"
    assert (second_version / "cgroup.subtree_control").read_text() == "+memory +pids +cpu"
    assert {name: (place / name).read_text() for name in ("memory.max", "pids.max", "cpu.max")} == {
        "memory.max": str(64 * 2**20),
        "pids.max": "20",
        "cpu.max": "50000 100000",
    }
    assert group.hits() == {}
    (place / "memory.events").write_text("low 0\nmax 7\noom 2\noom_kill 2\n")
    (place / "pids.events").write_text("max 3\n")
    (place / "memory.current").write_text("4096\n")
    assert group.hits() == {"memory": 2, "pids": 3}
    assert group.memory_bytes() == 4096


def test_a_tree_that_cannot_be_written_is_done_without(second_version: Path) -> None:
    (second_version / "djinnbot").write_text("in the way")
    assert cgroup_create("box", Limits()) is None
    assert "not limited" in cgroups_unavailable()


def test_controllers_that_are_refused_leave_nothing_behind(second_version: Path) -> None:
    """As where the first version of cgroups has them, or a container may not hand them down."""
    (second_version / "cgroup.subtree_control").mkdir()
    assert cgroup_create("box", Limits()) is None
    assert not (second_version / "djinnbot").exists()
