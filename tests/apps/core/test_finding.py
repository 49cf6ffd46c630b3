"""Things are found by their names by who may see them, and long work is told of."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from apps.accounts.models import User
from apps.core.jobs import KEPT
from apps.evals.models import Case, Evaluation, EvaluationRun
from apps.ops.models import Cleaning
from apps.runs.models import TASK_WORDS, Run
from apps.runs.search import task_query
from tests.support.runs import make_run, make_user

pytestmark = pytest.mark.django_db
SignedIn = Callable[[User], APIClient]
STEPS = [{"id": "A", "agent": "stas"}]


@pytest.fixture
def ada() -> User:
    return make_user("ada")


def found(client: APIClient, q: str, **more: Any) -> list[tuple[str, str]]:
    answer = client.get("/v1/search", {"q": q, **more})
    assert answer.status_code == 200, answer.json()
    return [(hit["kind"], hit["id"]) for hit in answer.json()]


def test_a_run_is_found_by_words_and_by_id(api_client: SignedIn, ada: User) -> None:
    client = api_client(ada)
    run = make_run(STEPS, user=ada, task="Split the Parser in three\n\nEach with a test.")
    make_run(STEPS, user=ada, task="Write release notes")
    for q in ("parser", "SPLI pars", "each test", "three!", run.pk, run.pk[:12]):
        assert found(client, q, kinds="run") == [("run", run.pk)], q
    for q in ("arser", "parser notes", "run_", "()", "'; --", "a & !b | c:*"):
        assert found(client, q, kinds="run") == [], q
    hit = client.get("/v1/search", {"q": "parser", "kinds": "run"}).json()[0]
    assert (hit["title"], hit["detail"]) == ("Split the Parser in three", run.pipeline_id)


def test_nobody_finds_what_is_anothers(api_client: SignedIn, ada: User) -> None:
    run = make_run(STEPS, user=ada, task="Secret plan")
    case = make_case(run, "Secret case", ada)
    other, boss = make_user("eve"), make_user("boss", role="admin")
    assert found(api_client(other), "secret") == []
    assert found(api_client(other), run.pk) == []
    assert found(api_client(other), "ada") == []
    assert found(api_client(boss), "secret") == [("case", case.pk), ("run", run.pk)]
    assert found(api_client(boss), "ada", kinds="person") == [("person", ada.pk)]


def test_agents_and_pipelines_are_found(api_client: SignedIn, ada: User) -> None:
    client = api_client(ada)
    assert ("agent", "yukihiro") in found(client, "yuki")
    assert ("agent", "yukihiro") in found(client, "software engineer", kinds="agent")
    assert ("pipeline", "engineering") in found(client, "engineering", kinds="pipeline")
    assert len(found(client, "e", kinds="agent", limit=2)) == 2


@pytest.mark.parametrize("query", [{}, {"q": "a", "kinds": "cheese"}, {"q": "a", "limit": 99}])
def test_a_search_that_cannot_be_is_refused(
    api_client: SignedIn, ada: User, query: dict[str, Any]
) -> None:
    assert api_client(ada).get("/v1/search", query).status_code == 422


def test_words_are_looked_up_in_the_index(ada: User) -> None:
    rows = Run.objects.annotate(words=TASK_WORDS).filter(words=task_query(["parser"]))
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_indexscan = off")
    assert "run_task_words" in rows.explain()


def make_case(run: Run, name: str, user: User) -> Case:
    return Case.objects.create(
        name=name,
        source_run_id=run.pk,
        pipeline_id=run.pipeline_id,
        snapshot_id=run.snapshot_id,
        task_description=run.task_description,
        workspace_type=run.workspace_type,
        status="completed",
        created_by_id=user.pk,
    )


def jobs(client: APIClient) -> list[tuple[str, str, str]]:
    answer = client.get("/v1/jobs")
    assert answer.status_code == 200, answer.json()
    return [(job["kind"], job["state"], job["detail"]) for job in answer.json()]


def test_cleanings_are_told_to_administrators(api_client: SignedIn, ada: User) -> None:
    boss = api_client(make_user("boss", role="admin"))
    Cleaning.objects.create(dry_run=True, status="running", found=3)
    old = timezone.now() - KEPT - timedelta(minutes=1)
    Cleaning.objects.create(dry_run=False, status="done", finished_at=old)
    Cleaning.objects.create(
        dry_run=False, status="failed", error="The worker is gone.", finished_at=timezone.now()
    )
    assert sorted(jobs(boss)) == [
        ("cleaning", "failed", "The worker is gone."),
        ("cleaning", "running", "3 found"),
    ]
    assert jobs(api_client(ada)) == []


def test_an_evaluation_is_told_until_half_an_hour_after_its_end(
    api_client: SignedIn, ada: User
) -> None:
    run = make_run(STEPS, user=ada)
    case = make_case(run, "Case", ada)
    evaluation = Evaluation.objects.create(mode="replay", created_by_id=ada.pk)
    EvaluationRun.objects.create(evaluation=evaluation, case=case, run=run)
    client, other = api_client(ada), api_client(make_user("eve"))
    assert jobs(client) == [("evaluation", "running", "0 of 1 cases ended")]
    assert jobs(other) == []
    Run.objects.filter(pk=run.pk).update(status="completed", completed_at=timezone.now())
    assert jobs(client) == [("evaluation", "done", "1 of 1 cases ended")]
    old = timezone.now() - KEPT - timedelta(minutes=1)
    Run.objects.filter(pk=run.pk).update(completed_at=old)
    assert jobs(client) == []


def test_runs_that_have_ended_since(api_client: SignedIn, ada: User) -> None:
    now = timezone.now()
    ended = [make_run(STEPS, user=ada) for _ in range(2)]
    make_run(STEPS, user=ada)
    for run, hours in zip(ended, (1, 3), strict=True):
        at = now - timedelta(hours=hours)
        Run.objects.filter(pk=run.pk).update(status="completed", completed_at=at)
    since = (now - timedelta(hours=2)).isoformat()
    page = api_client(ada).get("/v1/runs", {"ended_since": since}).json()
    assert [row["id"] for row in page["items"]] == [ended[0].pk]
