"""Boxes over HTTP: who sees which, live logs, stop; and what a session asked of the network."""

import json
import threading
from collections.abc import Callable, Iterator

import httpx2
import pytest
import redis
from rest_framework.test import APIClient

from apps.accounts.models import User
from apps.accounts.services import api_key_create, session_token_create
from apps.runs.models import Run
from apps.sessions import box_logs
from apps.sessions.egress import Destination, Traffic, egress_records_add
from apps.sessions.models import AgentSession, ContainerInstance
from apps.sessions.services import (
    box_create,
    box_ended,
    box_starting,
    box_stats,
    session_create,
    session_running,
)
from tests.support.live import Live, LiveProcess, eventually
from tests.support.runs import make_run, make_user
from workers.engine.box_watch import fresh_lines

pytestmark = pytest.mark.django_db

Client = Callable[..., APIClient]


@pytest.fixture
def owner() -> User:
    return make_user("owner")


@pytest.fixture
def run(owner: User) -> Run:
    return make_run([{"id": "BUILD"}], user=owner)


@pytest.fixture
def box(run: Run, owner: User) -> ContainerInstance:
    session = session_create(
        source=AgentSession.Source.PIPELINE,
        agent_id="yukihiro",
        run_id=run.pk,
        step_id="BUILD",
        user_id=str(owner.pk),
    )
    session_running(session_id=session.pk)
    made = box_create(
        session_id=session.pk, backend="docker", name="b", attempt=1, image="i", node="n",
        limits={"pids": 5},
    )  # fmt: skip
    box_starting(container_id=made.pk, external_id="abc")
    return made


def test_boxes_are_listed_for_those_who_may_see_their_run(
    box: ContainerInstance, owner: User, api_client: Client
) -> None:
    box_stats(container_id=box.pk, memory_bytes=7, processes=2)
    listed = api_client(owner).get("/v1/containers?live=true").json()
    assert [row["id"] for row in listed["items"]] == [box.pk]
    shown = api_client(owner).get(f"/v1/containers/{box.pk}").json()
    assert shown["stats"] == {"memory_bytes": 7, "processes": 2}
    assert (shown["agent_id"], shown["step_id"]) == ("yukihiro", "BUILD")
    assert api_client(owner).get("/v1/containers?live=false").json()["items"] == []
    assert api_client(owner).get("/v1/containers?agent_id=yang").json()["items"] == []

    stranger = api_client(make_user("stranger"))
    assert stranger.get("/v1/containers").json()["items"] == []
    for method, path in [("get", ""), ("get", "/logs"), ("post", "/stop")]:
        answer = getattr(stranger, method)(f"/v1/containers/{box.pk}{path}")
        assert answer.status_code == 404
    admin = api_client(make_user("root", is_staff=True))
    assert len(admin.get("/v1/containers").json()["items"]) == 1


def test_a_session_sees_its_own_box_and_may_not_stop_it(box: ContainerInstance, run: Run) -> None:
    other = session_create(source=AgentSession.Source.API, agent_id="yang", run_id=run.pk)
    for session_id, agent, status in [(box.session_id, "yukihiro", 200), (other.pk, "yang", 404)]:
        client = APIClient()
        token = session_token_create(session_id=session_id, agent_id=agent, run_id=run.pk)
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
        assert client.get(f"/v1/containers/{box.pk}").status_code == status
        assert client.post(f"/v1/containers/{box.pk}/stop").status_code == 403


def test_a_box_is_stopped_by_its_session(
    box: ContainerInstance, owner: User, api_client: Client
) -> None:
    assert api_client(owner).post(f"/v1/containers/{box.pk}/stop").status_code == 202
    box.session.refresh_from_db()
    assert box.session.stop_requested_at is not None


def test_the_log_of_an_ended_box_is_kept(
    box: ContainerInstance, owner: User, api_client: Client
) -> None:
    tail = "2026-01-01 10:00:00,000 INFO runtime: no error here\nTraceback\nplain"
    box_ended(container_id=box.pk, status=ContainerInstance.Status.CRASHED, log_tail=tail)
    body = api_client(owner).get(f"/v1/containers/{box.pk}/logs").json()
    assert body["ended"] is True
    assert [line["level"] for line in body["lines"]] == ["info", "error", "info"]
    assert len(api_client(owner).get(f"/v1/containers/{box.pk}/logs?tail=1").json()["lines"]) == 1


def test_a_running_box_is_asked_for_its_log_when_somebody_looks(
    box: ContainerInstance, owner: User, api_client: Client, redis_client: redis.Redis
) -> None:
    assert not box_logs.is_watched()

    def worker() -> None:
        eventually(box_logs.is_watched)
        box_logs.lines_publish(box.pk, ["one", "two: error"])

    thread = threading.Thread(target=worker)
    thread.start()
    body = api_client(owner).get(f"/v1/containers/{box.pk}/logs").json()
    thread.join()
    assert body == {
        "ended": False,
        "lines": [{"level": "info", "text": "one"}, {"level": "error", "text": "two: error"}],
    }
    assert 0 < int(redis_client.ttl(box_logs.stream_of(box.pk))) <= box_logs.TTL_S


@pytest.mark.django_db(transaction=True)
def test_live_logs_are_streamed_until_the_box_ends(
    redis_client: redis.Redis,
    box: ContainerInstance,
    owner: User,
    web_server: LiveProcess,
    live: Live,
) -> None:
    url = live.url
    key = api_key_create(owner, "test", ["read"])
    admin_key = api_key_create(make_user("root", is_staff=True), "test", ["read", "admin"])
    path = f"{url}/v1/containers/{box.pk}/logs/stream"
    foreign = api_key_create(make_user("x"), "test", ["read"])
    assert httpx2.get(path, headers=_event_source(foreign), timeout=60).status_code == 404
    refused = httpx2.get(f"{url}/v1/containers/logs/stream", headers=_bearer(key), timeout=60)
    assert refused.status_code == 403
    with (
        httpx2.stream("GET", path, headers=_event_source(key), timeout=60) as one,
        httpx2.stream(
            "GET", f"{url}/v1/containers/logs/stream", headers=_bearer(admin_key), timeout=60
        ) as every,
    ):
        lines, all_lines = _texts(one), _texts(every)
        eventually(box_logs.is_watched)
        box_logs.lines_publish(box.pk, ["first", "second"])
        assert [next(lines), next(lines)] == ["first", "second"]
        assert [next(all_lines), next(all_lines)] == ["first", "second"]
        box_ended(container_id=box.pk, status=ContainerInstance.Status.STOPPED)
        assert list(lines) == []


def _event_source(key: str) -> dict[str, str]:
    """As a browser's own client of streams asks: it accepts nothing else."""
    return {**_bearer(key), "Accept": "text/event-stream"}


def _bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def _texts(response: httpx2.Response) -> Iterator[str]:
    for line in response.iter_lines():
        if line.startswith("data: "):
            yield json.loads(line[6:])["data"]["text"]


@pytest.mark.parametrize(
    ("before", "now", "fresh"),
    [
        ([], ["a"], ["a"]),
        (["a", "b"], ["a", "b", "c"], ["c"]),
        (["a", "b"], ["b", "c"], ["c"]),
        (["a", "b"], ["a", "b"], []),
        (["a"], ["x", "y"], ["x", "y"]),
        (["a", "a"], ["a", "a", "a"], ["a"]),
    ],
)
def test_only_what_came_on_top_is_sent_on(
    before: list[str], now: list[str], fresh: list[str]
) -> None:
    assert list(fresh_lines(before, now)) == fresh


def test_egress_is_shown_with_the_session(
    box: ContainerInstance, owner: User, api_client: Client
) -> None:
    for _ in range(2):
        egress_records_add(
            {Destination(box.session_id, "evil.example", 443, "not_listed"): Traffic(count=1)}
        )
    rows = api_client(owner).get(f"/v1/sessions/{box.session_id}/egress").json()
    assert [(row["host"], row["verdict"], row["count"]) for row in rows] == [
        ("evil.example", "not_listed", 2)
    ]
    stranger = api_client(make_user("stranger"))
    assert stranger.get(f"/v1/sessions/{box.session_id}/egress").status_code == 404
