"""The homes of agents over HTTP: what is shown, what is refused."""

import base64
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import LazySettings
from rest_framework.test import APIClient

from apps.accounts.services import session_token_create
from apps.agents.sync import agents_sync
from apps.core.models import Event
from apps.ops.usage import storage_measure
from apps.sessions.models import AgentSession
from apps.sessions.services import session_create
from tests.support.runs import make_user

pytestmark = pytest.mark.django_db

AGENT = "yukihiro"
Client = Callable[..., APIClient]


@pytest.fixture
def home(settings: LazySettings, tmp_path: Path) -> Path:
    settings.DATA_ROOT = tmp_path / "data"
    home = Path(settings.DATA_ROOT) / "sandboxes" / AGENT
    (home / ".local" / "bin").mkdir(parents=True)
    (home / ".local" / "bin" / "ruff").write_text("#!")
    (home / "notes.txt").write_text("remember\n")
    (tmp_path / "secret").write_text("of the host")
    (home / "out").symlink_to(tmp_path / "secret")
    (home / "up").symlink_to(tmp_path)
    agents_sync()
    return home


@pytest.fixture
def admin(api_client: Client) -> APIClient:
    return api_client(make_user("root", is_staff=True))


@pytest.fixture
def user(api_client: Client) -> APIClient:
    return api_client(make_user("ada"))


def _url(rest: str = "", agent: str = AGENT, **query: str) -> str:
    words = "&".join(f"{name}={value}" for name, value in query.items())
    return f"/v1/agents/{agent}/sandbox{rest}" + (f"?{words}" if words else "")


def test_an_overview_shows_size_tools_and_first_level(home: Path, user: APIClient) -> None:
    body = user.get(_url()).json()
    assert body["used_mb"] is None
    storage_measure()
    body = user.get(_url()).json()
    assert body["used_mb"] >= 0
    assert body["total_mb"] == 5120
    assert (body["files"], body["directories"]) == (4, 2)
    assert body["tools"] == ["ruff"]
    tree = {entry["name"]: entry for entry in body["tree"]}
    assert {name: entry["type"] for name, entry in tree.items()} == {
        ".local": "directory", "notes.txt": "file", "out": "link", "up": "link",
    }  # fmt: skip
    assert tree["up"]["target"] == str(home.parents[2])


def test_a_level_comes_in_pages(home: Path, user: APIClient) -> None:
    for number in range(1005):
        (home / ".local" / f"f{number:04}").touch()
    first = user.get(_url("/tree", path=".local")).json()
    assert len(first["items"]) == 1000
    second = user.get(_url("/tree", path=".local", after=first["next"])).json()
    assert second["next"] is None
    names = [entry["name"] for page in (first, second) for entry in page["items"]]
    assert names == sorted(os.listdir(home / ".local"))


def test_a_file_is_shown_cut_or_as_base64(home: Path, user: APIClient) -> None:
    body = user.get(_url("/file", path="notes.txt")).json()
    assert (body["content"], body["encoding"], body["truncated"]) == ("remember\n", "utf-8", False)
    (home / "long").write_text("ä" * 2**20)
    body = user.get(_url("/file", path="long")).json()
    assert body["truncated"]
    assert body["encoding"] == "utf-8"
    assert len(body["content"].encode()) <= 2**20
    (home / "binary").write_bytes(b"\0\1\2")
    body = user.get(_url("/file", path="binary")).json()
    assert base64.b64decode(body["content"]) == b"\0\1\2"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("../yang/notes.txt", 400),
        ("..", 400),
        ("/etc/passwd", 400),
        ("a%00b", 400),
        ("out", 400),
        ("up/secret", 400),
        (".local", 400),  # a directory
        ("nothing", 404),
        ("notes.txt/deeper", 404),
    ],
)
def test_paths_that_lead_out_are_refused(
    home: Path, admin: APIClient, path: str, status: int
) -> None:
    assert admin.get(_url("/file", path=path)).status_code == status
    if status == 400 and path != ".local":
        assert admin.get(_url("/tree", path=path)).status_code == 400
        before = (home.parents[2] / "secret").read_text()
        admin.put(_url("/file", path=path), {"content": "x"}, format="json")
        admin.delete(_url("/file", path=path))
        assert (home.parents[2] / "secret").read_text() == before


def test_admins_change_and_reset_it_and_others_do_not(
    home: Path, admin: APIClient, user: APIClient
) -> None:
    put = admin.put(_url("/file", path="in/the/deep.txt"), {"content": " text\n"}, format="json")
    assert put.status_code == 200
    assert (home / "in/the/deep.txt").read_text() == " text\n"
    packed = {"content": base64.b64encode(b"\0").decode(), "encoding": "base64"}
    assert admin.put(_url("/file", path="notes.txt"), packed, format="json").status_code == 200
    assert (home / "notes.txt").read_bytes() == b"\0"
    assert admin.put(_url("/file", path="in"), {"content": ""}, format="json").status_code == 400
    assert not list(home.rglob("*.upload"))
    assert admin.delete(_url("/file", path="in")).status_code == 204
    assert not (home / "in").exists()
    assert admin.delete(_url("/file", path="in")).status_code == 404

    for answer in (
        user.put(_url("/file", path="x"), {"content": ""}, format="json"),
        user.delete(_url("/file", path="notes.txt")),
        user.post(_url("/reset")),
    ):
        assert answer.status_code == 403
    session = session_create(source=AgentSession.Source.API, agent_id=AGENT)
    assert admin.post(_url("/reset")).json()["code"] == "agent_busy"
    session.delete()
    assert admin.post(_url("/reset")).status_code == 204
    assert not home.exists()
    assert Event.objects.filter(type="SANDBOX_RESET", payload__agentId=AGENT).exists()
    assert admin.get(_url()).json()["exists"] is False


def test_a_session_sees_its_own_agents_home_only(home: Path) -> None:
    session = session_create(source=AgentSession.Source.API, agent_id=AGENT)
    client = APIClient()
    token = session_token_create(session_id=session.pk, agent_id=AGENT)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    assert client.get(_url("/file", path="notes.txt")).status_code == 200
    assert client.get(_url(agent="yang")).status_code == 403
    assert client.post(_url("/reset")).status_code == 403
    assert APIClient().get(_url()).status_code == 401
