"""Who gets which page, and what a browser is told about it."""

import pytest
from django.test import Client

from apps.accounts.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def person() -> Client:
    client = Client()
    client.force_login(User.objects.create_user("member"))
    return client


@pytest.mark.parametrize("path", ["/", "/runs/run_1/"])
def test_pages_want_somebody_who_signed_in(person: Client, path: str) -> None:
    stranger = Client().get(path)
    assert stranger.status_code == 302
    assert stranger["Location"] == f"/login/?next={path}"
    assert person.get(path).status_code == 200
    assert person.post(path).status_code == 405


@pytest.mark.parametrize(
    ("path", "target"), [("/runs/", "/"), ("/runs/run_1", "/runs/run_1/"), ("/runs/?new", "/?new")]
)
def test_other_spellings_lead_to_the_page(person: Client, path: str, target: str) -> None:
    assert person.get(path)["Location"] == target


@pytest.mark.parametrize("path", ["/", "/runs/run_1/", "/login/"])
def test_pages_run_no_inline_code(person: Client, path: str) -> None:
    answer = (Client() if path == "/login/" else person).get(path)
    policy = answer["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    body = answer.content.decode()
    assert " style=" not in body
    assert " onclick=" not in body
    for script in body.split("<script")[1:]:
        assert " src=" in script.split(">")[0]
        assert script.split(">", 1)[1].startswith("</script>")


def test_a_page_sets_the_token_that_scripts_send_back(person: Client) -> None:
    assert "csrftoken" in person.get("/").cookies


def test_a_run_id_is_text_in_the_page(person: Client) -> None:
    assert person.get('/runs/"><script>/').status_code == 404
