"""People, agents and sessions around a secret."""

from collections.abc import Callable
from typing import Any

import pytest
import redis
from rest_framework.test import APIClient

from apps.accounts.models import SessionToken, User
from apps.accounts.services import session_token_create, user_create
from apps.agents.sync import agents_sync
from apps.secrets.usable import grants_for

AGENT = "yukihiro"
OTHER_AGENT = "grace"
MARKER = "marker-Zq7w/Rt+41-0f9c"


@pytest.fixture
def agents(db: None) -> None:
    agents_sync()


@pytest.fixture
def person(db: None, redis_client: redis.Redis) -> Callable[..., User]:
    def make(name: str, role: str = "member") -> User:
        return user_create(
            email=f"{name}@example.org", by=None, role=role, password="correct horse battery"
        )

    return make


class Api:
    """A client that says what it got."""

    def __init__(self, client: APIClient) -> None:
        self.client = client

    def call(self, method: str, path: str, body: Any = None, expect: int = 200) -> Any:
        answer = getattr(self.client, method)(f"/v1{path}", body, format="json")
        assert answer.status_code == expect, (answer.status_code, answer.content)
        return answer.json() if answer.content else None

    def make(self, name: str = "Deploy token", **fields: Any) -> dict[str, Any]:
        value = {} if "value_base64" in fields else {"value": MARKER}
        body = {"name": name, "type": "env", **value, **fields}
        made: dict[str, Any] = self.call("post", "/secrets", body, 201)
        return made


@pytest.fixture
def api(api_client: Callable[..., APIClient]) -> Callable[[User], Api]:
    return lambda user: Api(api_client(user))


@pytest.fixture
def begun(agents: None) -> Callable[..., Api]:
    """`begun(user, agent)`: a session's own client, with the grants that stand at this moment."""

    def begin(user: User | None, agent: str = AGENT, project: str = "", **fields: Any) -> Api:
        user_id = user.pk if user else ""
        grants = grants_for(agent_id=agent, user_id=user_id, project_id=project)
        number = SessionToken.objects.count()
        token = session_token_create(
            session_id=f"ses_{number}",
            agent_id=agent,
            user=user,
            project_id=project,
            grants={"secrets": [grant.pk for grant in grants], "scopes": ["read", "write"]},
            **fields,
        )
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
        return Api(client)

    return begin
