"""What administrators see of workers, queues and the schedule."""

from collections.abc import Callable

import pytest
import redis
from rest_framework.test import APIClient

from apps.accounts.models import User
from apps.accounts.roles import Role
from apps.core.schedule import beat_schedule_sync
from djinnbot import celery  # noqa: F401  workers are asked through the configured app
from tests.support.live import Live, eventually

ApiClient = Callable[..., APIClient]


@pytest.fixture
def admin(transactional_db: None, redis_client: redis.Redis, api_client: ApiClient) -> APIClient:
    return api_client(User.objects.create_superuser("ada"))


def test_a_worker_is_seen_with_its_queues(
    live: Live, admin: APIClient, redis_client: redis.Redis
) -> None:
    beat_schedule_sync()
    live.control_worker()

    def seen() -> bool:
        return bool(admin.get("/v1/workers").json()["workers"])

    assert eventually(seen)
    found = admin.get("/v1/workers").json()
    [worker] = found["workers"]
    redis_client.client_kill_filter(_type="normal", skipme=True)  # as when Redis is restarted
    assert eventually(seen)
    assert worker["name"].startswith("control@")
    assert {"control", "git"} <= set(worker["queues"])
    assert worker["slots"] >= 1
    queues = {queue["name"]: queue for queue in found["queues"]}
    assert (queues["control"]["workers"], queues["agents"]["workers"]) == (1, 0)
    schedule = {row["name"]: row for row in found["schedule"]}
    assert schedule["upkeep.reconcile"]["every_s"] > 0
    assert schedule["upkeep.reconcile"]["enabled"] is True


def test_nobody_answers_and_it_says_so(admin: APIClient) -> None:
    found = admin.get("/v1/workers").json()
    assert found["workers"] == []
    assert {queue["workers"] for queue in found["queues"]} == {0}


def test_workers_are_for_administrators(admin: APIClient, api_client: ApiClient) -> None:
    member = User.objects.create_user("eve", role=Role.MEMBER)
    assert api_client(member).get("/v1/workers").status_code == 403
