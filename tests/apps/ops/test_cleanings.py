"""A cleaning that somebody asked for: a task does it, its row tells how far it is."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.db.models.functions import Now
from rest_framework.test import APIClient

from apps.core.dispatch import TaskName
from apps.ops import cleanings
from apps.ops.cleanings import KEPT, RESEND_AFTER, SILENT_AFTER, cleaning_run, cleanings_resume
from apps.ops.models import Cleaning
from tests.apps.ops.test_cleaner import old_directory
from tests.support.live import eventually
from tests.support.runs import make_user
from workers.tasks.upkeep import run_cleaning

pytestmark = pytest.mark.django_db(transaction=True)

Client = Callable[..., APIClient]
Sent = list[tuple[str, str]]


@pytest.fixture(autouse=True)
def root(settings: LazySettings, tmp_path: Path) -> Path:
    settings.DATA_ROOT = tmp_path / "data"
    settings.DATA_ROOT.mkdir()
    return Path(settings.DATA_ROOT)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Sent:
    messages: Sent = []
    monkeypatch.setattr(cleanings, "enqueue", lambda task, *args: messages.append((task, *args)))
    return messages


@pytest.fixture
def admin(api_client: Client) -> APIClient:
    return api_client(make_user("root", is_staff=True))


def test_it_is_queued_done_by_a_task_and_told(root: Path, admin: APIClient, sent: Sent) -> None:
    gone = old_directory(root / "runs" / "run_01deleted")
    asked = admin.post("/v1/storage/clean", {"dry_run": False}, format="json")
    assert asked.status_code == 202
    assert (asked.json()["status"], asked.json()["dry_run"]) == ("queued", False)
    again = admin.post("/v1/storage/clean", {"dry_run": False}, format="json")
    assert again.json()["id"] == asked.json()["id"], "one waits already"
    other = admin.post("/v1/storage/clean").json()
    assert other["dry_run"], "to take something away must be asked for"
    assert gone.exists()

    (task, cleaning_id), *_ = sent
    assert task == TaskName.RUN_CLEANING
    run_cleaning(cleaning_id)
    assert not gone.exists()
    gone.mkdir()
    run_cleaning(cleaning_id)  # delivered twice
    assert gone.exists()

    body = admin.get(f"/v1/storage/clean/{cleaning_id}").json()
    assert (body["status"], body["found"], body["stage"], body["error"]) == ("done", 1, "", "")
    (deletion,) = body["deletions"]
    assert (deletion["kind"], deletion["path"]) == ("run_directory", str(gone))
    assert body["freed_bytes"] == deletion["bytes"] > 0
    assert body["started_at"] <= body["finished_at"]
    assert admin.get("/v1/storage/clean/clean_none").status_code == 404


def test_how_far_it_is_can_be_seen_meanwhile(
    root: Path, sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        old_directory(root / "runs" / f"run_01deleted{number}")
    monkeypatch.setattr(cleanings, "_TELL_S", 0.0)
    seen = []
    row = Cleaning.objects.create(dry_run=True)
    told = cleanings._Progress.__call__

    def looked(self: cleanings._Progress, stage: str, done: list[object]) -> None:
        told(self, stage, done)  # type: ignore[arg-type]
        seen.append(Cleaning.objects.values_list("status", "stage", "found").get(pk=row.pk))

    monkeypatch.setattr(cleanings._Progress, "__call__", looked)
    cleaning_run(row.pk)
    assert seen[0] == ("running", "preserved", 0)
    directories = [found for _, stage, found in seen if stage == "run_directory"]
    assert directories == [0, 1, 2, 3]


def test_a_cleaner_that_breaks_says_so(sent: Sent, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(**_: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr(cleanings, "storage_clean", broken)
    row = Cleaning.objects.create(dry_run=True)
    with pytest.raises(RuntimeError):
        cleaning_run(row.pk)
    row.refresh_from_db()
    assert (row.status, row.error) == ("failed", "It stopped: RuntimeError.")


def test_a_lost_message_is_sent_again_and_a_lost_worker_told(sent: Sent) -> None:
    young, waits = (Cleaning.objects.create(dry_run=True) for _ in range(2))
    working, lost = (Cleaning.objects.create(dry_run=True, status="running") for _ in range(2))
    Cleaning.objects.filter(pk=waits.pk).update(created_at=Now() - 2 * RESEND_AFTER)
    Cleaning.objects.filter(pk=working.pk).update(seen_at=Now() - SILENT_AFTER / 2)
    Cleaning.objects.filter(pk=lost.pk).update(seen_at=Now() - SILENT_AFTER - timedelta(seconds=1))
    assert cleanings_resume() == 2
    assert sent == [(TaskName.RUN_CLEANING, waits.pk)]
    states = dict(Cleaning.objects.values_list("pk", "status"))
    assert states == {
        young.pk: "queued", waits.pk: "queued", working.pk: "running", lost.pk: "failed",
    }  # fmt: skip


def test_old_rows_go(sent: Sent) -> None:
    for _ in range(KEPT + 3):
        Cleaning.objects.create(dry_run=True, status="done")
    newest = Cleaning.objects.create(dry_run=True)
    cleaning_run(newest.pk)
    assert Cleaning.objects.count() == KEPT
    assert Cleaning.objects.filter(pk=newest.pk, status="done").exists()


def test_a_worker_does_it(
    root: Path, admin: APIClient, celery_worker: Callable[..., object], settings: LazySettings
) -> None:
    celery_worker("maintenance", environment={"DJINNBOT_HOME": str(root)})
    cleaning_id = admin.post("/v1/storage/clean").json()["id"]

    def ended() -> bool:
        return bool(admin.get(f"/v1/storage/clean/{cleaning_id}").json()["status"] == "done")

    assert eventually(ended, timeout_s=60)
