"""A running web process: what lies in its data directory is what it lists."""

from pathlib import Path

import httpx2
import pytest

from apps.accounts.models import User
from apps.accounts.services import api_key_create
from apps.core.events import events_after
from tests.apps.pipelines.conftest import good
from tests.apps.pipelines.test_builtin import IDS
from tests.support.live import Live, LiveProcess

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_dropped_file_is_listed_by_a_running_server(live: Live, web_server: LiveProcess) -> None:
    key = api_key_create(User.objects.create_user("owner"), "test", ["read"])
    directory = Path(live.environment["DJINNBOT_HOME"]) / "pipelines"
    directory.mkdir(exist_ok=True)
    path = directory / "dropped.yml"
    headers = {"Authorization": f"Bearer {key}"}
    with httpx2.Client(base_url=live.url, headers=headers) as client:
        assert {item["id"] for item in client.get("/v1/pipelines").json()} == IDS
        path.write_text(good("dropped"))
        try:
            found = {item["id"]: item for item in client.get("/v1/pipelines/").json()}
            assert found["dropped"]["valid"]
            path.write_text(good("dropped").replace("agent: yukihiro", "agent: ghost"))
            assert client.get("/v1/pipelines/dropped").json()["valid"] is False
        finally:
            path.unlink()
        assert client.get("/v1/pipelines/dropped").status_code == 404
    told = [frame.data["action"] for frame in events_after("pipelines", 0)]
    assert told[-3:] == ["created", "updated", "deleted"]
