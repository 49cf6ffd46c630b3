"""Who is busy, with what, and what they did: derived from sessions, whatever died meanwhile."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from apps.accounts.models import User
from apps.accounts.services import session_token_create
from apps.agents.services import agent_pause, agent_update
from apps.core.events import NewEvent, events_append
from apps.llm.models import LlmCall
from apps.runs.models import AgentNote, Run, StepExecution
from apps.sessions.models import AgentSession
from apps.sessions.services import box_create, session_create, session_finish, session_running
from tests.support.runs import claim, drive, make_run, make_user, start

pytestmark = pytest.mark.django_db

Source = AgentSession.Source
LONG_AGO = timedelta(minutes=5)


@pytest.fixture
def owner() -> User:
    return make_user("owner")


@pytest.fixture
def client(api_client: Callable[..., APIClient], owner: User) -> APIClient:
    return api_client(owner)


@pytest.fixture
def run(owner: User) -> Run:
    return make_run([{"id": "BUILD", "agent": "yukihiro"}], user=owner)


def session(run: Run, agent: str = "yukihiro", **fields: Any) -> AgentSession:
    fields = {"source": Source.PIPELINE, "step_id": "BUILD", "model": "scripted/x"} | fields
    made = session_create(
        agent_id=agent, run_id=run.pk, user_id=str(run.initiated_by_id or ""), **fields
    )
    session_running(session_id=made.pk)
    return made


def tell(made: AgentSession, state: str) -> None:
    event = NewEvent(
        type="AGENT_STATE",
        payload={"state": state, "visit": 1, "attempt": 1},
        session_id=made.pk,
        lifecycle=False,
    )
    events_append(f"run:{made.run_id}", [event], run_id=made.run_id)


def lifecycle(client: APIClient, agent: str = "yukihiro") -> Any:
    return client.get(f"/v1/agents/{agent}/lifecycle").json()


def test_state_follows_the_only_session(client: APIClient, run: Run) -> None:
    assert lifecycle(client)["state"] == "idle"
    made = session(run)
    assert lifecycle(client)["state"] == "working"
    for told, state in (
        *(("thinking", "thinking"), ("tool_calling", "tool_calling")),
        *(("streaming", "working"), ("idle", "working")),
    ):
        tell(made, told)
        assert lifecycle(client)["state"] == state
    work = lifecycle(client)["current_work"]
    assert [(each["session_id"], each["run_id"], each["step_id"]) for each in work] == [
        (made.pk, run.pk, "BUILD")
    ]
    session_finish(session_id=made.pk, status=AgentSession.Status.COMPLETED)
    assert lifecycle(client)["state"] == "idle"


def test_two_sessions_work_until_both_have_ended(client: APIClient, run: Run) -> None:
    first, second = session(run), session(run, source=Source.CHAT)
    tell(first, "thinking")
    assert lifecycle(client)["state"] == "working"
    assert lifecycle(client)["sessions"] == {"pipeline": 1, "chat": 1}
    session_finish(session_id=first.pk, status=AgentSession.Status.COMPLETED)
    assert lifecycle(client)["state"] == "working"
    session_finish(session_id=second.pk, status=AgentSession.Status.FAILED)
    assert lifecycle(client)["state"] == "idle"


def test_a_session_that_nobody_keeps_is_no_work(client: APIClient, run: Run) -> None:
    """What a killed worker leaves: a row that says `running`, no heartbeat, a lease that ended."""
    start(run)
    claim(run)
    made = session(run)
    execution = StepExecution.objects.get(run=run)
    StepExecution.objects.filter(pk=execution.pk).update(session_id=made.pk)
    AgentSession.objects.filter(pk=made.pk).update(
        created_at=timezone.now() - LONG_AGO, last_seen_at=timezone.now() - LONG_AGO
    )
    assert lifecycle(client)["state"] == "working", "its worker still holds the lease"
    StepExecution.objects.filter(pk=execution.pk).update(lease_until=timezone.now() - LONG_AGO)
    assert lifecycle(client)["state"] == "idle"
    AgentSession.objects.filter(pk=made.pk).update(last_seen_at=timezone.now())
    assert lifecycle(client)["state"] == "working", "its box lives and was adopted"


def test_a_step_that_waits_is_seen(client: APIClient, run: Run) -> None:
    start(run)
    seen = lifecycle(client)
    assert (seen["state"], seen["queue_depth"]) == ("queued", 1)


def test_paused_and_disabled_are_told_when_nothing_runs(
    client: APIClient, run: Run, owner: User, settings: Any, tmp_path: Any
) -> None:
    settings.AGENTS_DIR = tmp_path
    agent_pause(agent_id="finn", until=None, reason="holiday")
    seen = lifecycle(client, "finn")
    assert (seen["state"], seen["pause_reason"]) == ("paused", "holiday")
    agent_update(agent_id="eric", version=None, user_id=owner.pk, enabled=False)
    assert lifecycle(client, "eric")["state"] == "disabled"
    session(run, "finn")
    assert lifecycle(client, "finn")["state"] == "working"


def test_status_counts_the_whole_team(client: APIClient, run: Run) -> None:
    tell(session(run), "thinking")
    session(run, "finn")
    start(make_run([{"id": "A", "agent": "eric"}]))
    status = client.get("/v1/agents/status").json()
    states = {agent["id"]: agent["state"] for agent in status["agents"]}
    assert len(states) == status["summary"]["total"] >= 11
    assert (states["yukihiro"], states["finn"], states["eric"]) == (
        "thinking",
        "working",
        "queued",
    )
    assert status["summary"]["thinking"] == status["summary"]["working"] == 1
    assert status["summary"]["total_queued"] == 1
    assert sum(status["summary"][state] for state in set(states.values())) == len(states)


def test_others_see_that_it_works_and_not_on_what(
    client: APIClient, api_client: Callable[..., APIClient], run: Run
) -> None:
    session(run)
    stranger = api_client(make_user("stranger"))
    seen = lifecycle(stranger)
    assert (seen["state"], seen["current_work"]) == ("working", [])
    assert stranger.get("/v1/agents/yukihiro/activity").json()["items"] == []
    assert stranger.get("/v1/agents/yukihiro/runs").json()["items"] == []
    assert stranger.get("/v1/agents/yukihiro/activity/stats").json()["sessions_week"] == 0
    assert stranger.get("/v1/agents/nobody/lifecycle").status_code == 404


def test_a_session_asks_for_its_own_agent_only(run: Run) -> None:
    token = session_token_create("ses_1", "yukihiro", run_id=run.pk)
    agent = APIClient()
    agent.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    for tail in ("lifecycle", "activity", "activity/stats", "runs"):
        assert agent.get(f"/v1/agents/yukihiro/{tail}").status_code == 200, tail
        assert agent.get(f"/v1/agents/finn/{tail}").status_code == 403, tail


def test_the_timeline_tells_what_happened(client: APIClient, run: Run) -> None:
    done, broken, chat = session(run), session(run), session(run, source=Source.CHAT)
    box_create(
        session_id=chat.pk, backend="docker", name="djinnbot-x", attempt=1, image="",
        node="here", limits={"memory_mb": 7},
    )  # fmt: skip
    session_finish(session_id=done.pk, status=AgentSession.Status.COMPLETED, output="x" * 900)
    session_finish(
        session_id=broken.pk, status=AgentSession.Status.FAILED, error="It broke.", error_code="e"
    )
    AgentNote.objects.create(
        run=run, from_agent_id="finn", to_agent_id="yukihiro", message="Look at this."
    )
    activity = client.get("/v1/agents/yukihiro/activity").json()
    items = activity["items"]
    assert [item["at"] for item in items] == sorted((i["at"] for i in items), reverse=True)
    assert sorted(item["type"] for item in items) == [
        "inbox_message_received", "session_started", "work_complete", "work_failed",
        "work_started", "work_started",
    ]  # fmt: skip
    ended = {item["type"]: item for item in items}
    assert ended["work_failed"]["data"]["preview"] == "It broke."
    assert len(ended["work_complete"]["data"]["preview"]) == 200
    assert ended["work_complete"]["run_id"] == run.pk
    assert activity["boxes"][0]["limits"] == {"memory_mb": 7}
    short = client.get("/v1/agents/yukihiro/activity?limit=2").json()["items"]
    assert short == items[:2]
    since = timezone.now().isoformat()
    later = client.get("/v1/agents/yukihiro/activity", {"since": since}).json()["items"]
    assert later == []
    sent = client.get("/v1/agents/finn/activity").json()["items"]
    assert [item["type"] for item in sent] == ["inbox_message_sent"]


def test_what_is_older_than_kept_is_not_told(client: APIClient, run: Run) -> None:
    made = session(run)
    AgentSession.objects.filter(pk=made.pk).update(created_at=timezone.now() - timedelta(days=31))
    since = (timezone.now() - timedelta(days=60)).isoformat()
    found = client.get("/v1/agents/yukihiro/activity", {"since": since}).json()["items"]
    assert found == []


def test_pauses_stand_in_the_timeline(client: APIClient) -> None:
    agent_pause(agent_id="finn", until=None, reason="holiday")
    items = client.get("/v1/agents/finn/activity").json()["items"]
    assert [item["type"] for item in items] == ["agent_paused"]


def test_stats_count_days_tokens_and_cost(client: APIClient, run: Run, owner: User) -> None:
    old, failed = session(run), session(run)
    AgentSession.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=3))
    session_finish(session_id=failed.pk, status=AgentSession.Status.FAILED)
    LlmCall.objects.create(
        agent_id="yukihiro", user_id=owner.pk, input_tokens=10, output_tokens=5, cost_total="0.25"
    )
    stats = client.get("/v1/agents/yukihiro/activity/stats").json()
    assert (stats["sessions_today"], stats["sessions_week"], stats["errors_24h"]) == (1, 2, 1)
    assert (stats["calls_24h"], stats["tokens_24h"]) == (1, 15)
    assert float(stats["cost_24h"]) == 0.25


def test_runs_of_an_agent_are_those_it_took_part_in(client: APIClient, owner: User) -> None:
    mine = drive(make_run([{"id": "A", "agent": "finn"}], user=owner))
    drive(make_run([{"id": "A", "agent": "eric"}], user=owner))
    found = client.get("/v1/agents/finn/runs").json()["items"]
    assert [each["id"] for each in found] == [mine.pk]
