"""Sessions over HTTP: owner, stranger, admin, and an agent's own token."""

import json
from collections.abc import Callable

import pytest
from rest_framework.test import APIClient

from apps.accounts.models import User
from apps.accounts.services import session_token_create
from apps.core.events import NewEvent, events_append
from apps.runs.models import Run
from apps.sessions.machine import BOX_MOVES, SESSION_MOVES, session_move
from apps.sessions.models import AgentSession, ContainerInstance
from apps.sessions.services import box_create, session_create, session_finish, session_running
from tests.support.runs import make_run, make_user

pytestmark = pytest.mark.django_db

Client = Callable[..., APIClient]
Status = AgentSession.Status


@pytest.fixture
def owner() -> User:
    return make_user("owner")


@pytest.fixture
def run(owner: User) -> Run:
    return make_run([{"id": "BUILD"}], user=owner)


@pytest.fixture
def session(run: Run, owner: User) -> AgentSession:
    made = session_create(
        source=AgentSession.Source.PIPELINE,
        source_id="7",
        agent_id="yukihiro",
        run_id=run.pk,
        step_id="BUILD",
        user_id=owner.pk,
        model="scripted/test",
    )
    box_create(
        session_id=made.pk, backend="bubblewrap", name="djinnbot-x", attempt=1, image="",
        node="here", limits={"memory_mb": 1},
    )  # fmt: skip
    events_append(
        f"run:{run.pk}",
        [
            NewEvent(type="STEP_OUTPUT", payload={"chunk": "hello"}, session_id=made.pk),
            NewEvent(type="TOOL_CALL_START", payload={"toolName": "ls"}, session_id=made.pk),
            NewEvent(type="STEP_OUTPUT", payload={"chunk": "other"}, session_id="ses_other"),
        ],
        run_id=run.pk,
    )
    return made


def test_the_owner_lists_and_reads_sessions(
    api_client: Client, owner: User, session: AgentSession
) -> None:
    client = api_client(owner)
    page = client.get("/v1/sessions").json()
    assert [item["id"] for item in page["items"]] == [session.pk]
    assert "user_prompt" not in page["items"][0]
    assert client.get("/v1/agents/yukihiro/sessions").json()["items"][0]["id"] == session.pk
    assert client.get("/v1/agents/finn/sessions").json()["items"] == []
    assert client.get("/v1/sessions?status=failed").json()["items"] == []
    assert client.get(f"/v1/sessions?run_id={session.run_id}").json()["items"]
    detail = client.get(f"/v1/sessions/{session.pk}").json()
    assert detail["status"] == "starting"
    assert [event["event_type"] for event in detail["events"]] == ["output", "tool_start"]
    ids = {"runId": session.run_id, "sessionId": session.pk}
    assert detail["events"][0]["data"] == {"chunk": "hello", **ids}
    assert detail["containers"][0]["backend"] == "bubblewrap"
    short = client.get(f"/v1/sessions/{session.pk}?events=1").json()
    assert [event["type"] for event in short["events"]] == ["TOOL_CALL_START"]
    last = short["events"][0]["id"]
    before = client.get(f"/v1/sessions/{session.pk}?before={last}").json()
    assert [event["type"] for event in before["events"]] == ["STEP_OUTPUT"]


def test_a_transcript_is_searched_and_read_as_text(
    api_client: Client, owner: User, session: AgentSession
) -> None:
    client = api_client(owner)
    found = client.get(f"/v1/sessions/{session.pk}/search?q=HELL").json()
    assert [(hit["kind"], hit["match"], hit["after"]) for hit in found["items"]] == [
        ("text", "hell", "o")
    ]
    assert client.get(f"/v1/sessions/{session.pk}/search?q=other").json()["items"] == []
    text = client.get(f"/v1/sessions/{session.pk}/transcript")
    assert text["Content-Type"] == "text/plain; charset=utf-8"
    read = b"".join(text.streaming_content).decode()  # type: ignore[attr-defined]
    assert "hello" in read
    assert "other" not in read
    events = client.get(f"/v1/sessions/{session.pk}/transcript?as=events")
    lines = b"".join(events.streaming_content).splitlines()  # type: ignore[attr-defined]
    assert [json.loads(line)["type"] for line in lines] == ["STEP_OUTPUT", "TOOL_CALL_START"]


def test_a_wrong_filter_is_refused(api_client: Client, owner: User) -> None:
    assert api_client(owner).get("/v1/sessions?status=asleep").status_code in (400, 422)


def test_strangers_find_nothing(api_client: Client, session: AgentSession) -> None:
    stranger = api_client(make_user("stranger"))
    assert stranger.get("/v1/sessions").json()["items"] == []
    for call in (
        stranger.get(f"/v1/sessions/{session.pk}"),
        stranger.get(f"/v1/sessions/{session.pk}/search?q=hello"),
        stranger.get(f"/v1/sessions/{session.pk}/transcript"),
        stranger.post(f"/v1/sessions/{session.pk}/stop"),
    ):
        assert call.status_code == 404, call
    assert APIClient().get("/v1/sessions").status_code == 401


def test_an_admin_sees_all(api_client: Client, session: AgentSession) -> None:
    admin = api_client(make_user("root", is_staff=True))
    assert admin.get(f"/v1/sessions/{session.pk}").status_code == 200


def test_an_agents_token_sees_its_own_session_and_stops_none(
    run: Run, owner: User, session: AgentSession
) -> None:
    other = session_create(
        source=AgentSession.Source.PIPELINE, agent_id="finn", run_id=run.pk, user_id=owner.pk
    )
    token = session_token_create(
        session_id=session.pk, agent_id="yukihiro", run_id=run.pk, user_id=owner.pk
    )
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    assert [item["id"] for item in client.get("/v1/sessions").json()["items"]] == [session.pk]
    assert client.get(f"/v1/sessions/{other.pk}").status_code == 404
    assert client.post(f"/v1/sessions/{session.pk}/stop").status_code == 403


def test_stop_asks_once_and_again(api_client: Client, owner: User, session: AgentSession) -> None:
    client = api_client(owner)
    first = client.post(f"/v1/sessions/{session.pk}/stop")
    assert first.status_code == 202
    asked = first.json()["stop_requested_at"]
    assert asked
    assert client.post(f"/v1/sessions/{session.pk}/stop").json()["stop_requested_at"] == asked
    session_finish(session_id=session.pk, status=Status.STOPPED)
    refused = client.post(f"/v1/sessions/{session.pk}/stop")
    assert refused.status_code == 409
    assert refused.json()["code"] == "sessions.not_running"


def test_a_session_ends_once(session: AgentSession) -> None:
    assert session_running(session_id=session.pk)
    assert session_finish(session_id=session.pk, status=Status.COMPLETED, output="a\0b")
    assert not session_finish(session_id=session.pk, status=Status.FAILED, error="late")
    assert not session_running(session_id=session.pk)
    session.refresh_from_db()
    assert (session.status, session.output, session.error) == ("completed", "a\ufffdb", "")
    assert session.started_at
    assert session.finished_at


@pytest.mark.parametrize("source", list(Status))
@pytest.mark.parametrize("target", list(Status))
def test_only_the_tables_moves_happen(
    session: AgentSession, source: AgentSession.Status, target: AgentSession.Status
) -> None:
    AgentSession.objects.filter(pk=session.pk).update(status=source)
    assert session_move(session.pk, to=target) is (target in SESSION_MOVES.get(source, ()))


def test_every_box_state_can_end() -> None:
    ends = {"stopped", "crashed", "failed"}
    live = set(ContainerInstance.Status.values) - ends
    assert set(BOX_MOVES) == live
    assert all(ends <= targets for targets in BOX_MOVES.values())
