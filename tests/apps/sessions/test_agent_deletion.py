"""An agent that works is not deleted."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import LazySettings
from rest_framework.test import APIClient

from apps.accounts.models import User
from apps.accounts.services import session_token_create
from apps.agents.services import agent_create
from apps.sessions.models import AgentSession

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(
    settings: LazySettings, tmp_path: Path, api_client: Callable[..., APIClient]
) -> APIClient:
    settings.AGENTS_DIR = tmp_path
    agent_create(agent_id="ada", name="Ada", role="Engineer")
    return api_client(User.objects.create_user(username="owner", is_staff=True))


def test_agent_is_deleted_only_when_its_sessions_have_ended(client: APIClient) -> None:
    session = AgentSession.objects.create(source="chat", agent_id="ada", status="running")

    refused = client.delete("/v1/agents/ada")
    assert (refused.status_code, refused.json()["code"]) == (409, "agent_busy")
    assert client.get("/v1/agents/ada").status_code == 200

    AgentSession.objects.filter(pk=session.pk).update(status="completed")
    assert client.delete("/v1/agents/ada").status_code == 204


def test_sessions_of_another_agent_are_refused(client: APIClient) -> None:
    stranger = APIClient()
    token = session_token_create("ses_1", "finn")
    stranger.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    answer = stranger.get("/v1/agents/ada/sessions")
    assert (answer.status_code, answer.json()["code"]) == (403, "wrong_agent")
