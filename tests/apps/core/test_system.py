"""Health, status, metrics and the description, on a real server and on a broken one."""

import os
import secrets
import subprocess
import sys
from collections.abc import Callable

import httpx2
import pytest
import redis
from django.conf import settings
from django.test import Client
from rest_framework.test import APIClient

from apps.accounts.models import User
from apps.accounts.services import api_key_create
from apps.core import status
from tests.support.live import Live, LiveProcess

NOWHERE = "10.0.0.9"


@pytest.fixture
def owner(transactional_db: None, redis_client: redis.Redis) -> User:
    return User.objects.create_superuser("owner")


def test_healthy_instance_says_so_to_anybody(owner: User) -> None:
    answer = APIClient().get("/v1/health")
    assert answer.status_code == 200, answer.content
    checks = {"database": "ok", "migrations": "ok", "redis": "ok", "disk": "ok"}
    body = answer.json()
    storage = body.pop("storage")
    assert body == {"status": "ok", "checks": checks}
    assert (storage["state"], storage["juicefs_mounted"]) == ("ok", False)
    assert 0 < storage["free_bytes"] < storage["total_bytes"]


def test_dead_redis_is_named_and_nothing_more(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    dead = "redis://:hunter2@127.0.0.1:1/0"
    monkeypatch.setattr(settings, "REDIS_URL", dead)
    answer = APIClient().get("/v1/health")
    assert answer.status_code == 503
    body = answer.json()
    assert body["status"] == "degraded"
    assert body["checks"]["redis"] != "ok"
    assert body["checks"]["database"] == "ok"
    assert "hunter2" not in str(body)


def test_full_disk_is_told(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status, "LEAST_FREE_BYTES", 10**18)
    answer = APIClient().get("/v1/health")
    assert answer.status_code == 503
    assert "MB are free" in answer.json()["checks"]["disk"]


def test_status_tells_of_queues(
    owner: User, api_client: Callable[..., APIClient], redis_client: redis.Redis
) -> None:
    redis_client.rpush("agents", "a message")
    body = api_client(owner).get("/v1/status").json()
    assert (body["status"], body["version"]) == ("ok", "0.1.0")
    assert (body["queues"]["agents"], body["queues"]["control"]) == (1, 0)


def test_metrics_are_for_this_machine_and_administrators(
    owner: User, api_client: Callable[..., APIClient]
) -> None:
    beside = APIClient().get("/metrics")
    assert beside.status_code == 200
    assert beside["Content-Type"].startswith("text/plain")
    assert b"djinnbot_queue_length" in beside.content
    again = APIClient().get("/metrics").content
    assert (
        b'djinnbot_http_request_seconds_count{method="GET",route="metrics",status="200"}' in again
    )
    assert APIClient().get("/metrics", REMOTE_ADDR=NOWHERE).status_code == 401
    assert APIClient().get("/metrics", HTTP_X_FORWARDED_FOR="1.2.3.4").status_code == 401
    assert api_client(owner).get("/metrics", REMOTE_ADDR=NOWHERE).status_code == 200
    reader = api_client(owner, ["read"]).get("/metrics", REMOTE_ADDR=NOWHERE)
    assert reader.status_code == 403


def test_description_in_both_forms(owner: User, api_client: Callable[..., APIClient]) -> None:
    client = api_client(owner, ["read"])
    yaml = client.get("/v1/schema")
    assert yaml.status_code == 200
    assert yaml.content.startswith(b"openapi: 3")
    json = client.get("/v1/schema", HTTP_ACCEPT="application/vnd.oai.openapi+json")
    assert json.json()["info"]["title"] == "DjinnBot API"


def test_docs_page_runs_no_inline_script(owner: User) -> None:
    browser = Client()
    assert browser.get("/v1/docs").status_code == 401
    browser.force_login(owner)
    page = browser.get("/v1/docs")
    assert page.status_code == 200
    assert "<script src=" in page.content.decode()
    assert "<script>" not in page.content.decode()
    assert "'unsafe-inline'" not in page["Content-Security-Policy"].partition("style-src")[0]
    assert browser.get("/v1/docs?script=").status_code == 200


def test_web_process_answers_with_its_headers(
    live: Live, web_server: LiveProcess, owner: User
) -> None:
    key = api_key_create(owner, "test", ["read"])
    with httpx2.Client(
        base_url=live.url, timeout=30, headers={"Authorization": f"Bearer {key}"}
    ) as client:
        answer = client.get("/v1/status/")
        assert answer.status_code == 200, answer.text
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "same-origin"
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
        page = client.get("/login/")
        assert page.status_code == 200
        assert client.get("/static/accounts/accounts.css").status_code == 200
        unknown = client.get("/v1/none")
        assert unknown.json()["code"] == "not_found"
        wrong_host = client.get("/v1/status", headers={"Host": "evil.example"})
        assert wrong_host.status_code == 400


def test_production_settings_pass_the_deployment_checks() -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=settings.BASE_DIR,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "djinnbot.settings.production",
            "SECRET_KEY": secrets.token_urlsafe(60),
            "SECRET_ENCRYPTION_KEY": secrets.token_hex(32),
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "no issues" in done.stdout


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"AUTH_ENABLED": "false"}, "djinnbot.E001"),
        ({"AUTH_ENABLED": "false", "DEBUG": "true", "BIND_HOST": "0.0.0.0"}, "djinnbot.E001"),
    ],
)
def test_unsafe_instance_is_not_set_up(environment: dict[str, str], said: str) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "setup_instance"],
        cwd=settings.BASE_DIR,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "djinnbot.settings.local", **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode != 0
    assert said in done.stderr
