"""The admin shows all and edits nothing; its actions go through the services."""

import pytest
from django.test import Client
from django.urls import reverse

from apps.accounts.models import User
from apps.runs.models import Run
from tests.support.runs import drive, make_run, start

pytestmark = pytest.mark.django_db
MODELS = (
    *("run", "stepexecution", "approval", "loopstate", "runoutput", "runknowledge"),
    *("stephint", "agentnote", "stepcheck", "stepclaim"),
)


@pytest.fixture
def admin() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    return client


@pytest.mark.parametrize("model", MODELS)
def test_lists_open_and_nothing_is_added(admin: Client, model: str) -> None:
    drive(make_run([{"id": "A", "approval": True}]))
    assert admin.get(reverse(f"admin:runs_{model}_changelist")).status_code == 200
    assert admin.get(reverse(f"admin:runs_{model}_add")).status_code == 403


def test_status_is_not_written_by_a_form(admin: Client) -> None:
    run = make_run([{"id": "A"}])
    url = reverse("admin:runs_run_change", args=[run.id])
    assert admin.get(url).status_code == 200
    assert admin.post(url, {"status": "completed"}).status_code == 403
    run.refresh_from_db()
    assert run.status == "pending"


def act(admin: Client, action: str, *runs: Run) -> None:
    answer = admin.post(
        reverse("admin:runs_run_changelist"),
        {"action": action, "_selected_action": [run.id for run in runs]},
    )
    assert answer.status_code == 302


def test_actions_go_through_the_services(admin: Client) -> None:
    run, over = make_run([{"id": "A"}]), drive(make_run([{"id": "A"}]))
    start(run)
    for action, status in (("pause", "paused"), ("resume", "running"), ("cancel", "cancelled")):
        act(admin, action, run, over)  # refused for the one that is over, done for the other
        run.refresh_from_db()
        assert run.status == status
    over.refresh_from_db()
    assert over.status == "completed"
    act(admin, "delete_for_good", over)
    assert not Run.objects.filter(id=over.id).exists()
