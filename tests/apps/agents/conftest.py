"""A data directory of one's own, and people who come with and without rights."""

from collections.abc import Callable
from pathlib import Path

import hypothesis
import pytest
from django.conf import settings as django_settings
from pytest_django import Settings
from rest_framework.test import APIClient

from apps.accounts.models import User
from apps.accounts.services import session_token_create

# How long an example takes says nothing on a busy machine.
hypothesis.settings.register_profile("agents", deadline=None)
hypothesis.settings.load_profile("agents")


@pytest.fixture(autouse=True)
def agents_dir(settings: Settings, tmp_path: Path) -> Path:
    """An empty data directory for agents, in use for this test."""
    path = tmp_path / "agents"
    path.mkdir()
    settings.AGENTS_DIR = path
    assert django_settings.AGENTS_DIR == path
    return path


@pytest.fixture
def write(agents_dir: Path) -> Callable[..., Path]:
    """`write("ada", "SOUL.md", text)`: put a file into an agent's directory."""

    def write_file(agent_id: str, name: str, text: str | bytes) -> Path:
        path = agents_dir / agent_id / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(text, bytes):
            path.write_bytes(text)
        else:
            path.write_text(text, encoding="utf-8")
        return path

    return write_file


@pytest.fixture
def owner(db: None) -> User:
    return User.objects.create_user(username="owner", is_staff=True)


@pytest.fixture
def client(owner: User, agents_dir: Path, api_client: Callable[..., APIClient]) -> APIClient:
    return api_client(owner)


@pytest.fixture
def reader(db: None, agents_dir: Path, api_client: Callable[..., APIClient]) -> APIClient:
    """Somebody whose key may only read."""
    return api_client(User.objects.create_user(username="reader"), ["read"])


@pytest.fixture
def session_client(db: None, agents_dir: Path) -> Callable[[str], APIClient]:
    """`session_client("eric")`: a client with the token of a session of that agent."""

    def client_of(agent_id: str) -> APIClient:
        token = session_token_create("ses_test", agent_id)
        made = APIClient()
        made.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
        return made

    return client_of
