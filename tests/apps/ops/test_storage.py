"""What the data root takes up, what room is left, and who is told."""

import os
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.utils import timezone
from rest_framework.test import APIClient

from apps.core import space as core_space
from apps.core.errors import Unavailable
from apps.core.models import Event
from apps.core.space import StorageAway, space
from apps.notifications.models import Notification
from apps.ops.cleaner import storage_clean
from apps.ops.models import StorageUsage
from apps.ops.usage import size_of, storage_measure
from apps.repos.services import project_path
from apps.runs.choices import RunStatus
from apps.runs.models import Run
from tests.apps.repos.conftest import make_repository
from tests.support.runs import make_run, make_user
from workers.engine.room import room_for
from workers.tasks.runs import start_run
from workers.tasks.upkeep import watch_storage

pytestmark = pytest.mark.django_db

Client = Callable[..., APIClient]
MB = 2**20


@pytest.fixture(autouse=True)
def root(settings: LazySettings, tmp_path: Path) -> Path:
    settings.DATA_ROOT = tmp_path / "data"
    for name in ("sandboxes/yang/.local/bin", "sandboxes/stas", "workspaces/shop.git", "runs"):
        (settings.DATA_ROOT / name).mkdir(parents=True)
    return Path(settings.DATA_ROOT)


def test_a_size_counts_blocks_once_and_follows_no_link(root: Path, tmp_path: Path) -> None:
    home = root / "sandboxes" / "yang"
    (home / "big").write_bytes(os.urandom(3 * MB))
    os.link(home / "big", home / "again")
    (tmp_path / "outside").write_bytes(os.urandom(3 * MB))
    (home / "link").symlink_to(tmp_path / "outside")
    (home / "loop").symlink_to(home)
    found = size_of(home)
    assert 3 * MB <= found.bytes < 3 * MB + 64 * 1024
    assert (found.files, found.directories) == (4, 2)


def test_measuring_keeps_a_row_for_each_part_and_forgets_what_is_gone(
    root: Path, settings: LazySettings
) -> None:
    (root / "sandboxes" / "yang" / "big").write_bytes(os.urandom(2 * MB))
    settings.SANDBOX_QUOTA_MB = 1
    assert storage_measure() == 6
    rows = {(row.kind, row.name): row for row in StorageUsage.objects.all()}
    assert set(rows) == {
        *(("section", name) for name in ("runs", "sandboxes", "workspaces")),
        *(("agent", name) for name in ("stas", "yang")),
        ("project", "shop.git"),
    }
    assert rows["agent", "yang"].is_over
    assert not rows["agent", "stas"].is_over
    storage_measure()
    told = Event.objects.filter(type="QUOTA_EXCEEDED")
    assert [event.payload["agentId"] for event in told] == ["yang"]  # once

    (root / "sandboxes" / "stas").rmdir()
    storage_measure()
    assert not StorageUsage.objects.filter(name="stas").exists()


def test_measuring_stops_in_time_and_goes_on_with_the_oldest(root: Path) -> None:
    done = []
    for _ in range(6):
        assert storage_measure(for_s=0) == 1
        done.append(StorageUsage.objects.latest("measured_at").name)
    assert len(set(done)) == 6


def test_storage_is_shown_to_admins_only(root: Path, api_client: Client) -> None:
    storage_measure()
    admin = api_client(make_user("root", is_staff=True))
    body = admin.get("/v1/storage").json()
    assert body["storage"]["state"] in {"ok", "low", "critical"}
    assert [row["name"] for row in body["agents"]] == ["stas", "yang"]
    assert [row["name"] for row in body["projects"]] == ["shop.git"]
    assert admin.post("/v1/storage/measure").status_code == 202
    user = api_client(make_user("ada"))
    paths = [("get", ""), ("post", "/measure"), ("post", "/clean"), ("get", "/clean/clean_x")]
    for method, path in paths:
        assert getattr(user, method)(f"/v1/storage{path}").status_code == 403


def test_health_tells_of_room(root: Path, settings: LazySettings) -> None:
    body = APIClient().get("/v1/health").json()
    room = body["storage"]
    assert 0 <= room["free_percent"] <= 100
    assert room["free_bytes"] <= room["total_bytes"]
    assert room["juicefs_mounted"] is False
    settings.LOW_SPACE_PERCENT = 101
    settings.CRITICAL_SPACE_PERCENT = 0
    assert APIClient().get("/v1/health").json()["storage"]["state"] == "low"
    settings.DATA_ROOT = root / "away"
    assert APIClient().get("/v1/health").json()["storage"]["state"] == "away"


def test_new_runs_wait_for_room_and_those_under_way_go_on(settings: LazySettings) -> None:
    run = make_run([{"id": "A"}], workspace_type="none")
    settings.CRITICAL_SPACE_PERCENT = 101
    assert space().state == "critical"
    for _ in range(2):
        start_run(run.pk)
    run.refresh_from_db()
    assert run.status == RunStatus.PENDING
    waits = Event.objects.filter(run_id=run.pk, type="RUN_WAITING")
    assert [event.payload["reason"] for event in waits] == ["storage_low"]

    Run.objects.filter(pk=run.pk).update(status=RunStatus.RUNNING)
    assert room_for(run.pk)
    Run.objects.filter(pk=run.pk).update(status=RunStatus.PENDING)
    settings.CRITICAL_SPACE_PERCENT = 0
    start_run(run.pk)
    run.refresh_from_db()
    assert run.status == RunStatus.RUNNING


def test_new_runs_wait_while_their_project_is_over_its_quota(
    root: Path, settings: LazySettings, tmp_path: Path
) -> None:
    repository = make_repository(tmp_path / "shop")
    shared = project_path(repository=str(repository), workspace_type="git_worktree", project_id="")
    assert shared is not None
    shared.mkdir()
    (shared / "pack").write_bytes(os.urandom(2 * MB))
    run = make_run([{"id": "A"}], workspace_type="git_worktree", repository=str(repository))
    other = make_run([{"id": "A"}], workspace_type="none")
    settings.PROJECT_QUOTA_MB = 1
    assert room_for(run.pk)  # not measured yet
    storage_measure()
    assert [room_for(run.pk), room_for(run.pk), room_for(other.pk)] == [False, False, True]
    (waits,) = Event.objects.filter(run_id=run.pk, type="RUN_WAITING")
    assert (waits.payload["reason"], waits.payload["quotaBytes"]) == ("project_quota", MB)
    assert waits.payload["bytes"] > 2 * MB - 1

    Run.objects.filter(pk=run.pk).update(status=RunStatus.RUNNING)
    assert room_for(run.pk)
    Run.objects.filter(pk=run.pk).update(status=RunStatus.PENDING)
    settings.PROJECT_QUOTA_MB = 3
    assert room_for(run.pk)


@pytest.fixture
def unmounted(settings: LazySettings, root: Path) -> Iterator[Callable[[bool], None]]:
    """`unmounted(True)`: shared storage is expected where nothing is mounted."""

    def turn(away: bool) -> None:
        settings.STORAGE_MOUNT = str(root) if away else "/"

    yield turn
    settings.STORAGE_MOUNT = ""


def test_a_directory_that_a_mount_left_behind_is_not_taken_for_the_storage(
    unmounted: Callable[[bool], None],
) -> None:
    unmounted(True)
    with pytest.raises(StorageAway, match="Nothing is mounted"):
        space()
    body = APIClient().get("/v1/health")
    assert body.status_code == 503
    assert body.json()["checks"]["disk"] == "Nothing is mounted at DJINNBOT_STORAGE_MOUNT."
    assert body.json()["storage"]["state"] == "away"
    assert storage_measure() == 0
    with pytest.raises(Unavailable):
        storage_clean(dry_run=True)
    unmounted(False)
    assert space().total_bytes


def test_storage_that_does_not_answer_is_away_and_costs_one_thread(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the server of a network file system hangs: its calls do not come back."""
    back = threading.Event()

    def hangs(*_: object) -> None:
        back.wait(60)
        raise OSError(107, "Transport endpoint is not connected")

    monkeypatch.setattr(core_space, "ANSWER_S", 0.1)
    monkeypatch.setattr(core_space, "_mount_of", lambda _: core_space._Mount("/", "nfs4", "far:/"))
    monkeypatch.setattr(core_space, "_look", hangs)
    for _ in range(3):
        with pytest.raises(StorageAway, match="has not answered"):
            space()
    hanging = [thread for thread in threading.enumerate() if thread.name == "storage"]
    assert len(hanging) == 1
    back.set()
    hanging[0].join(30)
    assert not hanging[0].is_alive()
    with pytest.raises(StorageAway, match="not connected"):
        space()


def test_new_runs_wait_for_the_storage(unmounted: Callable[[bool], None]) -> None:
    run = make_run([{"id": "A"}], workspace_type="none")
    unmounted(True)
    for _ in range(2):
        start_run(run.pk)
    run.refresh_from_db()
    assert run.status == RunStatus.PENDING
    (waits,) = Event.objects.filter(run_id=run.pk, type="RUN_WAITING")
    assert waits.payload["reason"] == "storage_away"
    unmounted(False)
    start_run(run.pk)
    run.refresh_from_db()
    assert run.status == RunStatus.RUNNING


def test_administrators_are_told_once_of_each_state(
    unmounted: Callable[[bool], None], settings: LazySettings
) -> None:
    watch_storage()
    assert not Notification.objects.exists()
    settings.LOW_SPACE_PERCENT, settings.CRITICAL_SPACE_PERCENT = 101, 0
    for _ in range(2):
        watch_storage()
    settings.CRITICAL_SPACE_PERCENT = 101
    for _ in range(2):
        watch_storage()
    unmounted(True)
    for _ in range(2):
        watch_storage()
    told = Notification.objects.order_by("created_at", "id")
    assert [each.kind for each in told] == ["storage.low", "storage.low", "storage.away"]
    assert {each.role for each in told} == {"admin"}
    assert "Nothing is mounted" in told[2].body
    Notification.objects.update(created_at=timezone.now() - timedelta(days=2))
    watch_storage()
    assert Notification.objects.count() == 4


def test_health_asks_the_object_store(settings: LazySettings, silent_port: int) -> None:
    settings.OBJECT_STORE_HEALTH_URL = f"http://127.0.0.1:{silent_port}/health"
    assert APIClient().get("/v1/health").json()["storage"]["object_store_healthy"] is False


@pytest.fixture
def silent_port() -> int:
    """One that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as made:
        return int(made.getsockname()[1])
