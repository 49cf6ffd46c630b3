"""The admin shows agents and lets nobody edit rows by hand."""

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.agents.models import Agent, AgentFileVersion, AgentToolOverride
from apps.agents.selectors import agent_get
from apps.agents.services import agent_file_write, agents_sync, tool_overrides_set

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(agents_dir: object) -> Client:
    agents_sync()
    client = Client()
    client.force_login(User.objects.create_superuser(username="root"))
    return client


def act(client: Client, action: str) -> None:
    body = {"action": action, "_selected_action": ["eric"]}
    answer = client.post("/django-admin/agents/agent/", body)
    assert answer.status_code == 302, answer.content


def test_every_list_and_page_opens(admin: Client) -> None:
    agent_file_write(agent_id="eric", name="SOUL.md", content="x", version=None, user_id=None)
    tool_overrides_set(agent_id="eric", overrides={"bash": False}, user_id=None)
    for model in (Agent, AgentFileVersion, AgentToolOverride):
        url = f"/django-admin/agents/{model.__name__.lower()}/"
        assert admin.get(url).status_code == 200
        assert admin.get(f"{url}add/").status_code == 403
    page = "/django-admin/agents/agent/eric/change/"
    assert admin.get(page).status_code == 200
    assert admin.post(page, {"name": "X"}).status_code == 403


def test_actions_go_through_the_services(admin: Client) -> None:
    act(admin, "pause")
    assert agent_get("eric").paused_at is not None
    act(admin, "resume")
    assert agent_get("eric").paused_at is None
    agent_file_write(agent_id="eric", name="SOUL.md", content="x", version=None, user_id=None)
    act(admin, "reset")
    assert agent_get("eric").files["SOUL.md"] != "x"
    act(admin, "sync")
