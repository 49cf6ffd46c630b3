"""Management commands call the same services as the API."""

from io import StringIO
from pathlib import Path

import pytest
import redis
from django.conf import LazySettings
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection

from apps.core.dispatch import Queue
from apps.runs.models import Run
from tests.support.runs import drive, make_run, make_user, pipeline_text

pytestmark = pytest.mark.django_db


@pytest.fixture
def library(settings: LazySettings, tmp_path: Path) -> Path:
    settings.PIPELINES_DIR = tmp_path
    (tmp_path / "trial.yml").write_text(pipeline_text([{"id": "A", "agent": "finn"}]))
    return tmp_path


def said(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue().strip()


def test_start_run(library: Path) -> None:
    user = make_user("ada")
    run_id = said("start_run", "trial", "Do it", "--user", "ada", "--workspace-type", "none")
    run = Run.objects.get(id=run_id)
    assert (run.task_description, run.initiated_by) == ("Do it", user)
    with pytest.raises(CommandError, match="no pipeline"):
        call_command("start_run", "nothing", "x")
    with pytest.raises(CommandError, match="no user"):
        call_command("start_run", "trial", "x", "--user", "nobody")


def test_cancel_run() -> None:
    run, over = make_run([{"id": "A"}]), drive(make_run([{"id": "A"}]))
    assert said("cancel_run", run.id, "--reason", "enough") == f"{run.id} cancelled"
    assert Run.objects.get(id=run.id).cancel_reason == "enough"
    with pytest.raises(CommandError, match="completed"):
        call_command("cancel_run", over.id)


@pytest.mark.django_db(transaction=True)
def test_reconcile(redis_client: redis.Redis) -> None:
    assert said("reconcile") == "Sent."
    assert redis_client.llen(str(Queue.MAINTENANCE)) == 1


def test_prune(settings: LazySettings) -> None:
    old, new, active = (make_run([{"id": "A"}]) for _ in range(3))
    drive(old)
    drive(new)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE runs_run SET completed_at = clock_timestamp() - interval '9 days',"
            " created_at = clock_timestamp() - interval '9 days' WHERE id = ANY(%s)",
            [[old.id, active.id]],
        )
    assert said("prune") == "Deleted 0 runs."
    assert said("prune", "--days", "8") == "Deleted 1 runs."
    assert set(Run.objects.values_list("id", flat=True)) == {new.id, active.id}
