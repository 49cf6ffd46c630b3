"""People, their mailbox, and a receiver of webhooks."""

import http.server
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import redis

from apps.accounts.models import User
from apps.accounts.services import user_create
from djinnbot import celery  # noqa: F401  tasks are sent through the configured app
from tests.support.events import _events_are_as_described  # noqa: F401  a fixture
from tests.support.mailbox import Mailbox, mailbox_server, settings_of

Person = Callable[..., User]


@pytest.fixture
def person(db: None, redis_client: redis.Redis) -> Person:
    def make(name: str, role: str = "member", **fields: Any) -> User:
        user = user_create(email=f"{name}@example.org", by=None, role=role)
        User.objects.filter(pk=user.pk).update(**fields)
        return User.objects.get(pk=user.pk)

    return make


@pytest.fixture
def mailbox(settings: Any) -> Iterator[Mailbox]:
    with mailbox_server() as running:
        for name, value in settings_of(running).items():
            setattr(settings, name, value)
        yield running


@dataclass(slots=True)
class Receiver:
    """Takes webhooks; answers with `status`."""

    url: str = ""
    status: int = 200
    calls: list[tuple[dict[str, str], bytes]] = field(default_factory=list)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found.calls.append(({name.lower(): v for name, v in self.headers.items()}, body))
            self.send_response(found.status)
            if found.status == 302:
                self.send_header("Location", found.url)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield found
        server.shutdown()
        thread.join()
