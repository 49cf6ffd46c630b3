"""One shape for every error, whoever raised it."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from rest_framework import serializers
from rest_framework.parsers import JSONParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIClient, APIRequestFactory

from apps.accounts.models import User
from apps.core.api.callers import ANYONE
from apps.core.api.input import parsed
from apps.core.api.views import ApiView
from apps.core.errors import LimitReached

pytestmark = pytest.mark.django_db(transaction=True)

FIELDS = {"type", "title", "status", "detail", "instance", "code", "request_id"}


@pytest.fixture
def client(api_client: Callable[..., APIClient]) -> APIClient:
    made = api_client(User.objects.create_superuser("owner"))
    made.raise_request_exception = False
    return made


def assert_problem(answer: Any, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    body = answer.json()
    assert set(body) >= FIELDS
    assert (body["status"], body["code"]) == (status, code)
    assert body["type"] == f"/problems/{code}"
    assert body["request_id"] == answer["X-Request-ID"]
    return dict(body)


@pytest.mark.parametrize("debug", [False, True])
@pytest.mark.parametrize("path", ["/v1", "/v1/", "/v1/nothing", "/v1/runs/x/y/z"])
def test_unknown_path(client: APIClient, settings: Any, path: str, debug: bool) -> None:
    settings.DEBUG = debug
    assert_problem(client.get(path), 404, "not_found")
    assert_problem(APIClient().post(path), 404, "not_found")


def test_wrong_method(client: APIClient) -> None:
    answer = client.put("/v1/auth/me", {}, format="json")
    assert_problem(answer, 405, "method_not_allowed")
    assert_problem(client.options("/v1/auth/me"), 405, "method_not_allowed")


def test_body_that_is_no_json(client: APIClient) -> None:
    answer = client.post("/v1/auth/api-keys", "{", content_type="application/json")
    assert_problem(answer, 400, "malformed_json")


def test_body_of_an_unknown_format(client: APIClient) -> None:
    answer = client.post("/v1/auth/api-keys", "<a/>", content_type="application/xml")
    assert_problem(answer, 415, "unsupported_media_type")


def test_unknown_query_parameter(client: APIClient) -> None:
    body = assert_problem(client.get("/v1/auth/me?wat=1&b=2"), 400, "unknown_parameter")
    assert body["parameters"] == ["b", "wat"]


def test_each_wrong_value_is_pointed_at(client: APIClient) -> None:
    answer = client.post(
        "/v1/auth/api-keys", {"scopes": ["fly"], "expires_in_days": 0}, format="json"
    )
    errors = assert_problem(answer, 422, "validation_error")["errors"]
    assert {error["pointer"] for error in errors} == {"/name", "/scopes/0", "/expires_in_days"}
    assert all(set(error) == {"pointer", "code", "detail"} for error in errors)


def test_unknown_fields_are_pointed_at_wherever_they_stand(client: APIClient) -> None:
    rules = [{"sink": "inbox"}, {"sink": "inbox", "min_levle": "error"}]
    answer = client.put("/v1/notifications/rules", {"rules": rules, "Rules": 1}, format="json")
    errors = assert_problem(answer, 422, "validation_error")["errors"]
    assert {(error["pointer"], error["code"]) for error in errors} == {
        ("/Rules", "unknown_field"),
        ("/rules/1/min_levle", "unknown_field"),
    }
    answer = client.post("/v1/auth/api-keys", {"nmae": "x", "prefix": "y"}, format="json")
    errors = assert_problem(answer, 422, "validation_error")["errors"]
    assert {(error["pointer"], error["code"]) for error in errors} == {
        ("/nmae", "unknown_field"),
        ("/prefix", "unknown_field"),
        ("/name", "required"),
        ("/scopes", "required"),
    }


def test_unacceptable_format(client: APIClient) -> None:
    answer = client.get("/v1/auth/me", HTTP_ACCEPT="text/html")
    assert_problem(answer, 406, "not_acceptable")


def test_request_id_is_taken_over_when_it_is_sound(client: APIClient) -> None:
    sound = client.get("/v1/auth/me", HTTP_X_REQUEST_ID="abc-12345678")
    assert sound["X-Request-ID"] == "abc-12345678"
    for given in ("short", "a" * 65, "line\nbreak-1234", "späß-12345678"):
        assert client.get("/v1/auth/me", HTTP_X_REQUEST_ID=given)["X-Request-ID"] != given


def test_trailing_slash_means_the_same(client: APIClient) -> None:
    assert client.get("/v1/auth/me/").json() == client.get("/v1/auth/me").json()


class BrokenView(ApiView):
    callers = ANYONE
    scope = "read"

    def get(self, request: Request) -> Response:
        raise RuntimeError("the password is hunter2")

    def post(self, request: Request) -> Response:
        raise LimitReached("Slow down.", retry_after=7.2, limit=3)


def send(method: str) -> Any:
    request = getattr(APIRequestFactory(), method)("/v1/broken")
    request.request_id = "req-12345678"
    return BrokenView.as_view()(request).render()


def test_unforeseen_error_tells_nothing_about_itself() -> None:
    answer = send("get")
    assert answer.status_code == 500
    assert b"hunter2" not in answer.content
    assert b"RuntimeError" not in answer.content
    assert b'"code":"internal_error"' in answer.content
    assert b'"request_id":"req-12345678"' in answer.content


def test_facts_and_waiting_time_are_told() -> None:
    answer = send("post")
    assert (answer.status_code, answer["Retry-After"]) == (429, "8")
    assert b'"limit":3' in answer.content


def test_view_without_declaration_is_closed() -> None:
    class Undeclared(ApiView):
        def get(self, request: Request) -> Response:
            return Response({})

    request = APIRequestFactory().get("/v1/x")
    request.request_id = "req-12345678"  # type: ignore[attr-defined]  # as the middleware does
    assert Undeclared.as_view()(request).status_code == 401


def test_page_explains_each_code() -> None:
    for code in ("missing_scope", "in_flight"):
        page = Client().get(f"/problems/{code}")
        assert page.status_code == 200
        assert code in page.content.decode()
    assert Client().get("/problems/none-such").status_code == 404


def test_parsed_gives_validated_values() -> None:
    class One(serializers.Serializer[Any]):
        n = serializers.IntegerField()

    http: Any = APIRequestFactory().post("/", {"n": "3"}, format="json")
    request = Request(http, [JSONParser()])
    assert parsed(One, request) == {"n": 3}
