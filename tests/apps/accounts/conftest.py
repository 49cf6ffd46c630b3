"""People who sign in."""

from collections.abc import Callable
from typing import Any

import pytest
import redis
from allauth.account.authentication import AUTHENTICATION_METHODS_SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.test import Client

from apps.accounts.models import SetupState, User
from apps.accounts.services import user_create

PASSWORD = "correct horse battery"


@pytest.fixture
def person(db: None, redis_client: redis.Redis) -> Callable[..., User]:
    """`person("ada", role="member")`: an account with a password and a confirmed address."""

    def make(name: str, **fields: Any) -> User:
        return user_create(
            email=f"{name}@example.org",
            by=None,
            **{"role": "member", "password": PASSWORD, **fields},
        )

    return make


@pytest.fixture
def fresh_instance(db: None, redis_client: redis.Redis) -> None:
    SetupState.objects.update_or_create(pk=1, defaults={"completed_at": None})


def grown_old(session_key: str) -> None:
    """Six minutes pass for what let its person in."""
    session = SessionStore(session_key)
    for record in session[AUTHENTICATION_METHODS_SESSION_KEY]:
        record["at"] -= 360
    session.save()


class Browser:
    """A browser that speaks to the sign-in API, with its cookie."""

    prefix = "/v1/auth/browser/v1"

    def __init__(self) -> None:
        self.client = Client()

    def post(self, path: str, body: Any, method: str = "post") -> Any:
        call = getattr(self.client, method)
        return call(self.prefix + path, body, content_type="application/json")

    def get(self, path: str) -> Any:
        return self.client.get(self.prefix + path)

    def sign_in(self, email: str, password: str = PASSWORD) -> Any:
        return self.post("/auth/login", {"email": email, "password": password})

    @property
    def is_in(self) -> bool:
        return bool(self.client.get("/v1/auth/me").status_code == 200)


class Program(Browser):
    """A program that speaks to it, with tokens."""

    prefix = "/v1/auth/app/v1"

    def __init__(self) -> None:
        super().__init__()
        self.headers: dict[str, str] = {}

    def post(self, path: str, body: Any, method: str = "post") -> Any:
        call = getattr(self.client, method)
        url = self.prefix + path
        return call(url, body, content_type="application/json", headers=self.headers)

    def me(self, access_token: str) -> Any:
        return self.client.get("/v1/auth/me", headers={"Authorization": f"Bearer {access_token}"})


@pytest.fixture
def browser() -> Browser:
    return Browser()


@pytest.fixture
def program() -> Program:
    return Program()
