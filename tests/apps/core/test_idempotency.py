"""Equal POSTs with one key take effect once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.urls import include, path
from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIClient

from apps.accounts.models import User
from apps.accounts.services import api_key_create
from apps.core.api.callers import USERS
from apps.core.api.idempotency import idempotency_prune
from apps.core.api.input import parsed
from apps.core.api.urls import route
from apps.core.api.views import ApiView
from apps.core.ids import new_id
from apps.core.models import IdempotencyRecord

PATH = "/v1/probes"
BODY = {"name": "deploy", "colour": "red"}


class ProbeSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    colour = serializers.CharField()


class ProbesView(ApiView):
    """Each POST that takes effect makes one more row."""

    callers = USERS
    scope = "write"

    def post(self, request: Request) -> Response:
        body = parsed(ProbeSerializer, request)
        return Response({"id": probe_make(body["name"])}, status=201)


def probe_make(name: str) -> str:
    return str(User.objects.create(username=new_id("probe"), display_name=name).pk)


urlpatterns = [path("v1/", include([route("probes", ProbesView.as_view())]))]

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.urls("tests.apps.core.test_idempotency"),
]


@pytest.fixture
def client(api_client: Callable[..., APIClient]) -> APIClient:
    return api_client(User.objects.create_superuser("owner"))


def post(client: APIClient, key: str = "k-1", body: Any = None, to: str = PATH) -> Any:
    return client.post(to, body or BODY, format="json", HTTP_IDEMPOTENCY_KEY=key)


def made() -> int:
    return User.objects.filter(display_name="deploy").count()


def test_second_call_gets_the_first_answer(client: APIClient) -> None:
    first, second = post(client), post(client, to=PATH + "/")
    assert (first.status_code, second.status_code) == (201, 201)
    assert second.json() == first.json()
    assert second["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first
    assert made() == 1


def test_another_body_is_refused(client: APIClient) -> None:
    post(client)
    answer = post(client, body={"name": "deploy", "colour": "blue"})
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert made() == 1


def test_other_callers_and_keys_do_not_meet(
    client: APIClient, api_client: Callable[..., APIClient]
) -> None:
    post(client)
    post(client, key="k-2")
    post(api_client(User.objects.create_user("other")))
    assert made() == 3


def test_refusals_are_replayed_too(client: APIClient) -> None:
    first = post(client, body={"name": ""})
    second = post(client, body={"name": ""})
    assert first.status_code == second.status_code == 422
    assert second.json() == first.json()
    assert second["Idempotent-Replayed"] == "true"
    assert second["Content-Type"] == "application/problem+json"


def test_twenty_at_once_make_one(client: APIClient) -> None:
    authorization = (
        f"Bearer {api_key_create(User.objects.get(username='owner'), 'many', ['write'])}"
    )

    def one(_: int) -> int:
        try:
            mine = APIClient()
            mine.credentials(HTTP_AUTHORIZATION=authorization)
            return int(post(mine, body={"name": "deploy", "colour": "blue"}).status_code)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(one, range(20)))
    assert made() == 1
    assert set(statuses) <= {201, 409}
    assert 201 in statuses


def start_and_crash(client: APIClient, seconds_ago: float) -> None:
    """A first attempt that died before its answer."""
    post(client)
    User.objects.filter(display_name="deploy").delete()
    IdempotencyRecord.objects.update(
        status=None, response=b"", created_at=timezone.now() - timedelta(seconds=seconds_ago)
    )


def test_first_attempt_that_runs_is_waited_for(client: APIClient) -> None:
    start_and_crash(client, seconds_ago=30)
    answer = post(client)
    assert (answer.status_code, answer.json()["code"]) == (409, "in_flight")
    assert answer["Retry-After"] == "1"
    assert made() == 0


def test_first_attempt_that_crashed_is_repeated(client: APIClient) -> None:
    start_and_crash(client, seconds_ago=90)
    assert post(client).status_code == 201
    assert made() == 1


def test_our_own_failure_is_not_kept(client: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(name: str) -> None:
        raise RuntimeError

    with monkeypatch.context() as broken:
        broken.setattr(f"{__name__}.probe_make", fail)
        assert post(client).status_code == 500
    assert post(client).status_code == 201
    assert made() == 1


def test_kept_for_a_day(client: APIClient) -> None:
    post(client)
    IdempotencyRecord.objects.update(created_at=timezone.now() - timedelta(hours=25))
    assert post(client).status_code == 201
    assert made() == 2
    IdempotencyRecord.objects.update(created_at=timezone.now() - timedelta(hours=25))
    assert idempotency_prune() == 1


@pytest.mark.parametrize("key", ["x" * 256, "a\tb", "späß"])
def test_key_that_is_none(client: APIClient, key: str) -> None:
    assert post(client, key=key).status_code == 400
    assert made() == 0
