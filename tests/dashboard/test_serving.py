"""How the server hands out the dashboard."""

import base64
import hashlib
import re
from pathlib import Path

import pytest
from django.test import Client, override_settings

SCRIPT = "document.documentElement.dataset.theme = 'dark';"
INDEX = (
    '<head><meta name="csp-nonce" nonce="__CSP_NONCE__">'
    f'<script>{SCRIPT}</script><script type="module" src="/static/app/assets/index-1.js"></script>'
)


@pytest.fixture
def index(tmp_path: Path) -> Path:
    path = tmp_path / "index.html"
    path.write_text(INDEX)
    return path


def directive(policy: str, name: str) -> set[str]:
    found = re.search(rf"(?:^|; ){name} ([^;]*)", policy)
    assert found is not None, policy
    return set(found[1].split())


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/runs/run_1?step=PLAN",
        "/runs/",
        "/login/",
        "/login/verify",
        "/login/again/?next=/django-admin/",
        "/login/device/?code=BCDF-GHJK",
        "/login/forgotten/",
        "/login/reset/1-key/",
        "/app/runs/run_1",
        "/setup/?token=x",
        "/no/such",
    ],
)
def test_every_path_of_it_gets_the_page(index: Path, path: str) -> None:
    with override_settings(DASHBOARD_INDEX=index):
        answer = Client().get(path)
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/html")
    assert answer["Cache-Control"] == "no-cache"
    assert "csrftoken" in answer.cookies


def test_the_policy_names_its_inline_script_and_no_other(index: Path) -> None:
    with override_settings(DASHBOARD_INDEX=index):
        answer = Client().get("/")
    policy = answer["Content-Security-Policy"]
    digest = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
    assert directive(policy, "script-src") == {"'self'", f"'sha256-{digest}'"}
    assert directive(policy, "object-src") == {"'none'"}
    assert directive(policy, "connect-src") == {"'self'"}


def test_styles_need_a_nonce_that_is_new_each_time(index: Path) -> None:
    seen = set()
    with override_settings(DASHBOARD_INDEX=index):
        for _ in range(2):
            answer = Client().get("/")
            found = re.search(r'name="csp-nonce" nonce="([^"]+)"', answer.content.decode())
            assert found is not None
            policy = answer["Content-Security-Policy"]
            assert directive(policy, "style-src") == {"'self'", f"'nonce-{found[1]}'"}
            seen.add(found[1])
    assert len(seen) == 2


def test_a_new_build_is_served_without_a_restart(index: Path) -> None:
    with override_settings(DASHBOARD_INDEX=index):
        Client().get("/")
        index.write_text("<title>Newer</title>")
        assert b"Newer" in Client().get("/").content


def test_without_a_build_it_says_what_to_do(tmp_path: Path) -> None:
    with override_settings(DASHBOARD_INDEX=tmp_path / "none.html"):
        answer = Client().get("/")
    assert answer.status_code == 503
    assert b"Node" in answer.content


def test_it_takes_no_other_method(index: Path) -> None:
    with override_settings(DASHBOARD_INDEX=index):
        assert Client().post("/").status_code == 405


@pytest.mark.parametrize("path", ["/v1/no/such", "/v1"])
def test_the_api_never_answers_with_the_page(path: str) -> None:
    answer = Client().get(path)
    assert answer.status_code == 404
    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    "path",
    [
        "/static/app/assets/old.js",
        "/ws",
        "/ws/",
        "/accounts/x",
        "/gateway/v1/models",
        "/_preview/x",
        "/favicon.ico",
        "/robots.txt",
    ],
)
def test_nor_does_what_else_is_the_servers(path: str) -> None:
    assert Client().get(path).status_code == 404


def test_the_page_runs_nothing_inline_but_the_theme() -> None:
    page = Client().get("/").content.decode()
    assert " style=" not in page
    assert " onclick=" not in page
    inline = [script for script in page.split("<script")[1:] if " src=" not in script.split(">")[0]]
    assert len(inline) == 1
    assert "dataset.theme" in inline[0]


def test_files_of_the_build_are_kept_for_ever() -> None:
    """The names carry a hash of the content. What is packed at the build is sent as it is."""
    page = Client().get("/").content.decode()
    found = re.search(r'src="(/static/app/assets/[^"]+\.js)"', page)
    assert found is not None, "the dashboard is not built: run `make setup-dev`"
    with override_settings(WHITENOISE_USE_FINDERS=True, STATIC_ROOT=None):
        answer = Client().get(found[1], headers={"accept-encoding": "br"})
    assert answer.status_code == 200
    assert "immutable" in answer["Cache-Control"]
    assert answer["Content-Encoding"] == "br"
