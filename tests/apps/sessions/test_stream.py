"""The live stream of one session, from a real server."""

import json

import httpx2
import pytest

from apps.accounts.services import api_key_create
from apps.core.events import NewEvent, events_append
from apps.sessions.models import AgentSession
from apps.sessions.services import session_create
from tests.support.live import Live, eventually
from tests.support.runs import make_run, make_user


def _answers(url: str) -> bool:
    """A server on a busy machine may reset its first connections."""
    try:
        return httpx2.get(f"{url}/v1/sessions", timeout=20).status_code == 401
    except httpx2.TransportError:
        return False


@pytest.mark.django_db(transaction=True)
def test_a_stream_shows_its_own_session_only(live: Live) -> None:
    live.web()
    owner = make_user("owner")
    run = make_run([{"id": "BUILD"}], user=owner)
    session = session_create(
        source=AgentSession.Source.PIPELINE, agent_id="dev", run_id=run.pk, user_id=owner.pk
    )
    events = [
        NewEvent(type="STEP_OUTPUT", payload={"chunk": str(n)}, session_id=name)
        for n, name in enumerate([session.pk, "ses_other", session.pk, "", session.pk])
    ]
    events_append(f"run:{run.pk}", events, run_id=run.pk)
    url = f"{live.url}/v1/sessions/{session.pk}/stream"

    def headers(user_name: str) -> dict[str, str]:
        user = owner if user_name == "owner" else make_user(user_name)
        return {"Authorization": f"Bearer {api_key_create(user, 'test', ['read'])}"}

    eventually(lambda: _answers(live.url))
    chunks = []
    with httpx2.stream("GET", url, headers=headers("owner"), timeout=20) as response:
        assert response.status_code == 200
        for line in response.iter_lines():
            if line.startswith("data: "):
                frame = json.loads(line[6:])
                assert frame["data"]["sessionId"] == session.pk
                chunks.append(frame["data"]["chunk"])
            if len(chunks) == 3:
                break
    assert chunks == ["0", "2", "4"]
    assert httpx2.get(url, headers=headers("stranger"), timeout=20).status_code == 404
    assert httpx2.get(url, timeout=20).status_code == 401
